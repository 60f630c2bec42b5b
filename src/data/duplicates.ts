/** Finds images that show the same picture: equal files, near-duplicates, and crops of one another, by their content. */
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
// A native module must be loaded by the main thread before worker threads load it
import 'sharp'
import { forEachBounded } from './bounded.js'
import type { Dataset } from './dataset.js'
import type { DuplicateJob, DuplicateReply, Signature } from './duplicateJob.js'
import { indexKeypoints, matchesOf, type Placement } from './keypointMatches.js'
import type { Overlay } from './overlay.js'
import { bitCount } from './perceptualHash.js'
import { createWorkerPool } from './workerPool.js'

/** Options of `findDuplicateGroups`. */
export interface DuplicateOptions {
  /** Called as the work goes on; `total` grows once, when it is known how many pairs are to be compared. */
  readonly onProgress?: (done: number, total: number) => void
  readonly signal?: AbortSignal
  /** Worker threads; by default as many as there are cores. They never change the result. */
  readonly threads?: number
}

/** `copy`: equal files; `near`: the same picture again, saved, scaled or coloured otherwise; `crop`: part of the same picture. */
export type DuplicateKind = 'copy' | 'near' | 'crop'

/** Two images that show the same picture. */
export interface DuplicatePair {
  /** Sample indices; a < b. */
  readonly a: number
  readonly b: number
  readonly kind: DuplicateKind
  /** Correlation of fine detail where the two overlap, up to 1. */
  readonly score: number
}

/** What was found. */
export interface Duplicates {
  /** Sample indices, two or more in each group, ascending; groups by their first member. */
  readonly groups: readonly (readonly number[])[]
  /** The pairs that connect them, by a and b. */
  readonly pairs: readonly DuplicatePair[]
}

/** Jobs that wait for a worker. */
const IN_FLIGHT = 64
/** Most bits, of 64, in which the hashes of near-duplicates differ. */
const HASH_DISTANCE = 8
/** Most earlier images that an image is compared with, by either way: the frames of a film are all like one another. */
const MAX_CANDIDATES = 12
/** Least correlation of detail; a crop or copy in JPEG has 0.97 and more, a changed colour or a caption brings it down to 0.88. */
const MIN_DETAIL = 0.88
/** Least share of the overlap's parts in which detail agrees. */
const MIN_AGREEING = 0.85
/** Least share of one of the two pictures that the overlap covers. */
const MIN_COVER = 0.3
/** Share of both pictures from which on they count as one picture, not as a part of it. */
const WHOLE = 0.85

/**
 * Groups of images of which no two should be on different sides of a split. Candidates come from a perceptual hash and from
 * keypoints in the same arrangement; each is then checked by laying the pictures on one another. Upright crops
 * of half of a picture are found (79 of 80, scaled at random), those of a quarter in every second case, smaller ones
 * hardly; turned or mirrored ones are not.
 * Images that cannot be decoded are in no group, and those that show nothing only with equal files. About 3 KB are
 * kept for each image while it runs; decoding takes most of the time, but comparing hashes grows with the square.
 */
export async function findDuplicateGroups(
  dataset: Dataset,
  indices: readonly number[],
  options: DuplicateOptions = {},
): Promise<Duplicates> {
  const { onProgress, signal, threads = availableParallelism() } = options
  const pool = createWorkerPool<DuplicateJob, DuplicateReply>(
    new URL('./duplicateWorker.js', import.meta.url),
    threads,
    undefined,
  )
  const members = [...new Set(indices)].sort((a, b) => a - b)
  const path = (position: number) => resolve(dataset.root, dataset.samples[members[position]!]!.path)
  let done = 0
  let total = members.length
  const advance = () => onProgress?.(++done, total)
  try {
    const signatures: (Signature | undefined)[] = members.map(() => undefined)
    await forEachBounded(members, IN_FLIGHT, async (_, position) => {
      signatures[position] = (await pool.run({ task: 'describe', path: path(position) }, signal)).signature
      advance()
    })
    const copies = equalFiles(signatures)
    const candidates = await candidatePairs(signatures, copies, signal)
    total += candidates.length
    const pairs: DuplicatePair[] = []
    for (const [b, a] of copies) pairs.push({ a: members[a]!, b: members[b]!, kind: 'copy', score: 1 })
    await forEachBounded(candidates, IN_FLIGHT, async ({ a, b, placement }) => {
      const side = (position: number) => ({ path: path(position), thumbnail: signatures[position]!.thumbnail })
      const { overlay } = await pool.run({ task: 'compare', a: side(a), b: side(b), placement }, signal)
      if (overlay !== undefined && samePicture(overlay)) {
        const kind = Math.min(overlay.coverA, overlay.coverB) >= WHOLE ? 'near' : 'crop'
        pairs.push({ a: members[a]!, b: members[b]!, kind, score: overlay.detail })
      }
      advance()
    })
    return { groups: connected(pairs), pairs: pairs.sort((p, q) => p.a - q.a || p.b - q.b) }
  } finally {
    await pool.close()
  }
}

const samePicture = ({ detail, agreeing, coverA, coverB }: Overlay): boolean =>
  detail >= MIN_DETAIL && agreeing >= MIN_AGREEING && Math.max(coverA, coverB) >= MIN_COVER

/** Maps the position of each file that is equal to an earlier one to the first such. */
function equalFiles(signatures: readonly (Signature | undefined)[]): Map<number, number> {
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

interface Pair {
  readonly a: number
  readonly b: number
  readonly placement: Placement | undefined
}

/** Pairs to be compared; of equal files only the first takes part. */
async function candidatePairs(
  signatures: readonly (Signature | undefined)[],
  copies: ReadonlyMap<number, number>,
  signal: AbortSignal | undefined,
): Promise<Pair[]> {
  const positions = [...signatures.keys()].filter(i => signatures[i] !== undefined && !copies.has(i))
  const index = indexKeypoints(positions.map(i => signatures[i]!.keypoints))
  const hashed = positions.filter(i => signatures[i]!.hash !== undefined)
  const words = Int32Array.from(hashed.flatMap(i => signatures[i]!.hash!))
  const pairs: Pair[] = []
  const found = new Set<string>()
  const breathe = async (step: number) => {
    if (step % 256 !== 0) return
    await new Promise(setImmediate)
    signal?.throwIfAborted()
  }
  for (const [b, position] of positions.entries()) {
    await breathe(b)
    const matches = matchesOf(index, b).sort((p, q) => q.agreeing - p.agreeing || q.a - p.a)
    for (const { a, placement } of matches.slice(0, MAX_CANDIDATES)) {
      pairs.push({ a: positions[a]!, b: position, placement })
      found.add(`${positions[a]} ${position}`)
    }
  }
  for (const [b, position] of hashed.entries()) {
    await breathe(b)
    for (const a of closeHashes(words, b)) {
      if (!found.has(`${hashed[a]} ${position}`)) pairs.push({ a: hashed[a]!, b: position, placement: undefined })
    }
  }
  return pairs
}

/** The earlier hashes that differ little from the one at `b`, nearest first. */
function closeHashes(words: Int32Array, b: number): number[] {
  const [low, high] = [words[b * 2]!, words[b * 2 + 1]!]
  const byDistance: number[][] = Array.from({ length: HASH_DISTANCE + 1 }, () => [])
  for (let a = b - 1; a >= 0; a--) {
    const distance = bitCount(words[a * 2]! ^ low) + bitCount(words[a * 2 + 1]! ^ high)
    if (distance <= HASH_DISTANCE) byDistance[distance]!.push(a)
  }
  return byDistance.flat().slice(0, MAX_CANDIDATES)
}

/** Connected components, each ascending, ordered by their first member. */
function connected(pairs: readonly DuplicatePair[]): number[][] {
  const parent = new Map<number, number>()
  const rootOf = (index: number): number => {
    let root = index
    for (let up = parent.get(root); up !== undefined && up !== root; up = parent.get(root)) root = up
    parent.set(index, root)
    return root
  }
  for (const { a, b } of pairs) {
    const [p, q] = [rootOf(a), rootOf(b)]
    parent.set(Math.max(p, q), Math.min(p, q))
  }
  const groups = new Map<number, number[]>()
  for (const index of [...parent.keys()].sort((a, b) => a - b)) {
    const root = rootOf(index)
    const group = groups.get(root)
    if (group === undefined) groups.set(root, [index])
    else group.push(index)
  }
  return [...groups.values()]
}
