/** Which pictures are worth comparing: those with nearly the same hash, or with keypoints in the same arrangement. */
import type { Signature } from './duplicateJob.js'
import { enter, indexKeypoints, matchesOf, type Placement } from './keypointMatches.js'
import { type Keypoints, orientedPlaces } from './keypoints.js'
import { ORIENTATIONS, type Orientation } from './orientation.js'
import { bitCount } from './perceptualHash.js'

/** Most bits, of 64, in which the hashes of near-duplicates differ. */
const HASH_DISTANCE = 8
/**
 * Most earlier images that an image is compared with as it is, and as many turned, by either way: the frames of a film are all
 * like one another.
 */
const MAX_CANDIDATES = 12
const noKeypoints: Keypoints = {
  count: 0,
  height: 1,
  x: new Float32Array(),
  y: new Float32Array(),
  words: new Int32Array(),
  turned: new Int32Array(),
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

/** Two positions in the list of signatures, a before b, how b is to be turned, and where it then lies on a, if the keypoints say so. */
export interface CandidatePair {
  readonly a: number
  readonly b: number
  readonly orientation: Orientation
  readonly placement: Placement | undefined
}

/** Pairs to be compared, as they are found; of equal files only the first takes part. */
export async function* candidatePairs(
  signatures: readonly (Signature | undefined)[],
  copies: ReadonlyMap<number, number>,
  signal: AbortSignal | undefined,
): AsyncGenerator<CandidatePair, void, undefined> {
  const positions = [...signatures.keys()].filter(i => signatures[i] !== undefined && !copies.has(i))
  const keypoints = positions.map(i => signatures[i]!.keypoints ?? noKeypoints)
  const index = indexKeypoints(keypoints)
  const hashed = positions.filter(i => signatures[i]!.hashes !== undefined)
  const hashes = hashed.map(i => signatures[i]!.hashes!)
  const upright = Int32Array.from(hashes.flatMap(words => [words[0]!, words[1]!]))
  const found = new Set<string>()
  // Often, so that the threads that compare get their next pair
  const breathe = async (step: number) => {
    if (step % 4 !== 0) return
    await new Promise(setImmediate)
    signal?.throwIfAborted()
  }
  for (const [b, position] of positions.entries()) {
    await breathe(b)
    const matches = Array.from({ length: ORIENTATIONS }, (_, orientation) =>
      matchesOf(index, b, orientedPlaces(keypoints[b]!, orientation)).map(match => ({ ...match, orientation })),
    )
    enter(index, b)
    for (const some of [matches[0]!, matches.slice(1).flat()]) {
      some.sort((p, q) => q.agreeing - p.agreeing || q.a - p.a)
      for (const { a, placement, orientation } of some.slice(0, MAX_CANDIDATES)) {
        found.add(`${positions[a]} ${position} ${orientation}`)
        yield { a: positions[a]!, b: position, orientation, placement }
      }
    }
  }
  for (const [b, position] of hashed.entries()) {
    await breathe(b)
    for (const { a, orientation } of closeHashes(upright, b, hashes[b]!)) {
      if (!found.has(`${hashed[a]} ${position} ${orientation}`))
        yield { a: hashed[a]!, b: position, orientation, placement: undefined }
    }
  }
}

/**
 * The earlier hashes that differ little from the one at `b`, or from that of one of its other orientations, nearest first.
 * A picture is compared turned where it is then nearer than as it is: many are nearly symmetric.
 */
function closeHashes(upright: Int32Array, b: number, hashes: Int32Array): { a: number; orientation: Orientation }[] {
  const byDistance = (): { a: number; orientation: Orientation }[][] =>
    Array.from({ length: HASH_DISTANCE + 1 }, () => [])
  const [plain, turned] = [byDistance(), byDistance()]
  for (let a = b - 1; a >= 0; a--) {
    const [low, high] = [upright[a * 2]!, upright[a * 2 + 1]!]
    const distance = bitCount(low ^ hashes[0]!) + bitCount(high ^ hashes[1]!)
    if (distance <= HASH_DISTANCE) plain[distance]!.push({ a, orientation: 0 })
    let least = Math.min(distance, HASH_DISTANCE + 1)
    let orientation: Orientation = 0
    for (let o = 1; o < ORIENTATIONS; o++) {
      const half = bitCount(low ^ hashes[o * 2]!)
      if (half >= least) continue
      const distance = half + bitCount(high ^ hashes[o * 2 + 1]!)
      if (distance >= least) continue
      least = distance
      orientation = o
    }
    if (orientation > 0) turned[least]!.push({ a, orientation })
  }
  return [plain, turned].flatMap(side => side.flat().slice(0, MAX_CANDIDATES))
}
