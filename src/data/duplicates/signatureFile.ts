/** The signatures of a folder's images as bytes, to be kept between searches for duplicates. */

import type { FileStamps } from '../checks/fileStamps.js'
import type { Signature } from './duplicateJob.js'

/** Stamp, digest, whether there is a hash, its words, the thumbnail's sides, the number of keypoints, the picture's height. */
const FIXED = 8 + 20 + 1 + 8 + 4 + 2 + 4
/** Two coordinates and two words. */
const KEYPOINT = 16

/** Signatures beside the stamps of their files, one after the other. */
export function signaturesToBytes(signatures: readonly (Signature | undefined)[], stamps: FileStamps): Uint8Array {
  const size = ({ thumbnail, keypoints }: Signature) =>
    FIXED + (thumbnail?.pixels.length ?? 0) + (keypoints?.count ?? 0) * KEYPOINT
  const bytes = Buffer.alloc(signatures.reduce((sum, one) => sum + (one === undefined ? 0 : size(one)), 0))
  let at = 0
  for (const [i, signature] of signatures.entries()) {
    if (signature === undefined) continue
    const { digest, hash, thumbnail, keypoints } = signature
    bytes.writeBigUInt64LE(stamps[i]!, at)
    bytes.write(digest, at + 8, 'base64')
    bytes.writeUInt8(hash === undefined ? 0 : 1, at + 28)
    bytes.writeInt32LE(hash?.[0] ?? 0, at + 29)
    bytes.writeInt32LE(hash?.[1] ?? 0, at + 33)
    bytes.writeUInt16LE(thumbnail?.width ?? 0, at + 37)
    bytes.writeUInt16LE(thumbnail?.height ?? 0, at + 39)
    bytes.writeUInt16LE(keypoints?.count ?? 0, at + 41)
    bytes.writeFloatLE(keypoints?.height ?? 0, at + 43)
    at += FIXED
    bytes.set(thumbnail?.pixels ?? [], at)
    at += thumbnail?.pixels.length ?? 0
    for (let k = 0; k < (keypoints?.count ?? 0); k++, at += KEYPOINT) {
      bytes.writeFloatLE(keypoints!.x[k]!, at)
      bytes.writeFloatLE(keypoints!.y[k]!, at + 4)
      bytes.writeInt32LE(keypoints!.words[k * 2]!, at + 8)
      bytes.writeInt32LE(keypoints!.words[k * 2 + 1]!, at + 12)
    }
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
    const [width, height] = [bytes.readUInt16LE(at + 37), bytes.readUInt16LE(at + 39)]
    const count = bytes.readUInt16LE(at + 41)
    const position = wanted.get(bytes.readBigUInt64LE(at))
    if (position !== undefined) signatures[position] = signatureAt(bytes, at, width, height, count)
    at += FIXED + width * height + count * KEYPOINT
  }
  return signatures
}

function signatureAt(bytes: Buffer, at: number, width: number, height: number, count: number): Signature {
  const pixels = at + FIXED
  const points = pixels + width * height
  const x = new Float32Array(count)
  const y = new Float32Array(count)
  const words = new Int32Array(count * 2)
  for (let k = 0, from = points; k < count; k++, from += KEYPOINT) {
    x[k] = bytes.readFloatLE(from)
    y[k] = bytes.readFloatLE(from + 4)
    words[k * 2] = bytes.readInt32LE(from + 8)
    words[k * 2 + 1] = bytes.readInt32LE(from + 12)
  }
  const whole = width * height > 0
  return {
    digest: bytes.toString('base64', at + 8, at + 28),
    hash: bytes.readUInt8(at + 28) === 0 ? undefined : [bytes.readInt32LE(at + 29), bytes.readInt32LE(at + 33)],
    thumbnail: whole ? { width, height, pixels: Uint8Array.from(bytes.subarray(pixels, points)) } : undefined,
    keypoints: whole ? { count, height: bytes.readFloatLE(at + 43), x, y, words } : undefined,
  }
}
