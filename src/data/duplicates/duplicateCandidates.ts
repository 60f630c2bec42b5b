/** Which pictures are worth comparing: those with nearly the same hash, or with keypoints in the same arrangement. */
import type { Signature } from './duplicateJob.js'
import { indexKeypoints, matchesOf, type Placement } from './keypointMatches.js'
import { bitCount } from './perceptualHash.js'

/** Most bits, of 64, in which the hashes of near-duplicates differ. */
const HASH_DISTANCE = 8
/** Most earlier images that an image is compared with, by either way: the frames of a film are all like one another. */
const MAX_CANDIDATES = 12
const noKeypoints = {
  count: 0,
  height: 1,
  x: new Float32Array(),
  y: new Float32Array(),
  words: new Int32Array(),
}

/** Maps the position of each file that is equal to an earlier one to the first such. */
export function equalFiles(signatures: readonly (Signature | undefined)[]): Map<number, number> {
  const first = new Map<string, number>()
  const copies = new Map<number, number>()
  for (const [position, signature] of signatures.entries()) {
    if (signature === undefined) continue
    const earlier = first.get(signature.digest)
    if (earlier === undefined) first.set(signature.digest, position)
    else copies.set(position, earlier)
  }
  return copies
}

/** Two positions in the list of signatures, a before b, and where b lies on a, if the keypoints say so. */
export interface CandidatePair {
  readonly a: number
  readonly b: number
  readonly placement: Placement | undefined
}

/** Pairs to be compared, as they are found; of equal files only the first takes part. */
export async function* candidatePairs(
  signatures: readonly (Signature | undefined)[],
  copies: ReadonlyMap<number, number>,
  signal: AbortSignal | undefined,
): AsyncGenerator<CandidatePair, void, undefined> {
  const positions = [...signatures.keys()].filter(i => signatures[i] !== undefined && !copies.has(i))
  const index = indexKeypoints(positions.map(i => signatures[i]!.keypoints ?? noKeypoints))
  const hashed = positions.filter(i => signatures[i]!.hash !== undefined)
  const words = Int32Array.from(hashed.flatMap(i => signatures[i]!.hash!))
  const found = new Set<string>()
  // Often, so that the threads that compare get their next pair
  const breathe = async (step: number) => {
    if (step % 4 !== 0) return
    await new Promise(setImmediate)
    signal?.throwIfAborted()
  }
  for (const [b, position] of positions.entries()) {
    await breathe(b)
    const matches = matchesOf(index, b).sort((p, q) => q.agreeing - p.agreeing || q.a - p.a)
    for (const { a, placement } of matches.slice(0, MAX_CANDIDATES)) {
      found.add(`${positions[a]} ${position}`)
      yield { a: positions[a]!, b: position, placement }
    }
  }
  for (const [b, position] of hashed.entries()) {
    await breathe(b)
    for (const a of closeHashes(words, b)) {
      if (!found.has(`${hashed[a]} ${position}`)) yield { a: hashed[a]!, b: position, placement: undefined }
    }
  }
}

/** The earlier hashes that differ little from the one at `b`, nearest first. */
function closeHashes(words: Int32Array, b: number): number[] {
  const [low, high] = [words[b * 2]!, words[b * 2 + 1]!]
  const byDistance: number[][] = Array.from({ length: HASH_DISTANCE + 1 }, () => [])
  for (let a = b - 1; a >= 0; a--) {
    const distance = bitCount(words[a * 2]! ^ low, words[a * 2 + 1]! ^ high)
    if (distance <= HASH_DISTANCE) byDistance[distance]!.push(a)
  }
  return byDistance.flat().slice(0, MAX_CANDIDATES)
}
