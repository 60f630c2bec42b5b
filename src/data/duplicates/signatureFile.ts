/** The signatures of a folder's images as bytes, to be kept between searches for duplicates. */

import type { FileStamps } from '../checks/fileStamps.js'
import type { Signature } from './duplicateJob.js'
import { turnable } from './keypoints.js'
import { ORIENTATIONS } from './orientation.js'

const HASHES = 8 * ORIENTATIONS
/** Stamp, digest, whether there are hashes, their words, the thumbnail's sides, the number of keypoints, the picture's height. */
const FIXED = 8 + 20 + 1 + HASHES + 4 + 2 + 4
/** Where what follows the hashes begins. */
const SIDES = 29 + HASHES
/** Two coordinates and two words for each, then two words in each other orientation for those that have them. */
const keypointBytes = (count: number) => 16 * count + 8 * (ORIENTATIONS - 1) * turnable(count)

/** Signatures beside the stamps of their files, one after the other. */
export function signaturesToBytes(signatures: readonly (Signature | undefined)[], stamps: FileStamps): Uint8Array {
  const size = ({ thumbnail, keypoints }: Signature) =>
    FIXED + (thumbnail?.pixels.length ?? 0) + keypointBytes(keypoints?.count ?? 0)
  const bytes = Buffer.alloc(signatures.reduce((sum, one) => sum + (one === undefined ? 0 : size(one)), 0))
  let at = 0
  for (const [i, signature] of signatures.entries()) {
    if (signature === undefined) continue
    const { digest, hashes, thumbnail, keypoints } = signature
    bytes.writeBigUInt64LE(stamps[i]!, at)
    bytes.write(digest, at + 8, 'base64')
    bytes.writeUInt8(hashes === undefined ? 0 : 1, at + 28)
    if (hashes !== undefined) writeWords(bytes, hashes, at + 29)
    bytes.writeUInt16LE(thumbnail?.width ?? 0, at + SIDES)
    bytes.writeUInt16LE(thumbnail?.height ?? 0, at + SIDES + 2)
    bytes.writeUInt16LE(keypoints?.count ?? 0, at + SIDES + 4)
    bytes.writeFloatLE(keypoints?.height ?? 0, at + SIDES + 6)
    at += FIXED
    bytes.set(thumbnail?.pixels ?? [], at)
    at += thumbnail?.pixels.length ?? 0
    if (keypoints === undefined) continue
    for (let k = 0; k < keypoints.count; k++, at += 8) {
      bytes.writeFloatLE(keypoints.x[k]!, at)
      bytes.writeFloatLE(keypoints.y[k]!, at + 4)
    }
    at = writeWords(bytes, keypoints.words, at)
    at = writeWords(bytes, keypoints.turned, at)
  }
  return bytes
}

/**
 * The signatures of the files with the given stamps, undefined where there is none. `content` is what
 * `signaturesToBytes` gave; a stamp of 0 stands for a file that is not there.
 */
export function signaturesFromBytes(content: Uint8Array, stamps: FileStamps): (Signature | undefined)[] {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.length)
  const wanted = new Map([...stamps].map((stamp, i) => [stamp, i]))
  wanted.delete(0n)
  const signatures: (Signature | undefined)[] = [...stamps].map(() => undefined)
  for (let at = 0; at < bytes.length; ) {
    const [width, height] = [bytes.readUInt16LE(at + SIDES), bytes.readUInt16LE(at + SIDES + 2)]
    const count = bytes.readUInt16LE(at + SIDES + 4)
    const position = wanted.get(bytes.readBigUInt64LE(at))
    if (position !== undefined) signatures[position] = signatureAt(bytes, at, width, height, count)
    at += FIXED + width * height + keypointBytes(count)
  }
  return signatures
}

function signatureAt(bytes: Buffer, at: number, width: number, height: number, count: number): Signature {
  const pixels = at + FIXED
  const points = pixels + width * height
  const x = new Float32Array(count)
  const y = new Float32Array(count)
  for (let k = 0; k < count; k++) {
    x[k] = bytes.readFloatLE(points + 8 * k)
    y[k] = bytes.readFloatLE(points + 8 * k + 4)
  }
  const words = readWords(bytes, count * 2, points + 8 * count)
  const turned = readWords(bytes, 2 * (ORIENTATIONS - 1) * turnable(count), points + 16 * count)
  const whole = width * height > 0
  return {
    digest: bytes.toString('base64', at + 8, at + 28),
    hashes: bytes.readUInt8(at + 28) === 0 ? undefined : readWords(bytes, 2 * ORIENTATIONS, at + 29),
    thumbnail: whole ? { width, height, pixels: Uint8Array.from(bytes.subarray(pixels, points)) } : undefined,
    keypoints: whole ? { count, height: bytes.readFloatLE(at + SIDES + 6), x, y, words, turned } : undefined,
  }
}

/** Writes them from `at` on; the result is where they end. */
function writeWords(bytes: Buffer, words: Int32Array, at: number): number {
  for (const [i, word] of words.entries()) bytes.writeInt32LE(word, at + 4 * i)
  return at + 4 * words.length
}

const readWords = (bytes: Buffer, count: number, at: number): Int32Array =>
  Int32Array.from({ length: count }, (_, i) => bytes.readInt32LE(at + 4 * i))
