/** Finds images that show the same picture: equal files, near-duplicates, and crops of one another, by their content. */
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
// A native module must be loaded by the main thread before worker threads load it
import 'sharp'
import { forEachBounded } from './bounded.js'
import type { Dataset } from './dataset.js'
import type { DuplicateJob, DuplicateReply, Signature } from './duplicateJob.js'
import { type Candidate, indexKeypoints, matchesOf, type Placement } from './keypointMatches.js'
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
 * keypoints in the same arrangement; each is then checked by laying the pictures on one another. Upright crops of a
 * quarter of a picture are found reliably, smaller ones often; turned or mirrored ones are not.
 * Images that cannot be decoded are in no group. About 3 KB are kept for each image while it runs.
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
    return { groups: connected(pairs), pairs: bestOfEach(pairs) }
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

interface Pair extends Omit<Candidate, 'placement'> {
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
  const words = Int32Array.from(positions.flatMap(i => signatures[i]!.hash))
  const pairs: Pair[] = []
  for (let b = 0; b < positions.length; b++) {
    if (b % 256 === 0) {
      await new Promise(setImmediate)
      signal?.throwIfAborted()
    }
    for (const { a, placement } of matchesOf(index, b)) pairs.push({ a: positions[a]!, b: positions[b]!, placement })
    const low = words[b * 2]!
    const high = words[b * 2 + 1]!
    for (let a = 0; a < b; a++) {
      if (bitCount(words[a * 2]! ^ low) + bitCount(words[a * 2 + 1]! ^ high) <= HASH_DISTANCE) {
        pairs.push({ a: positions[a]!, b: positions[b]!, placement: undefined })
      }
    }
  }
  return pairs
}

/** A pair may have been found by both ways; the better score stays. */
function bestOfEach(pairs: readonly DuplicatePair[]): DuplicatePair[] {
  const best = new Map<string, DuplicatePair>()
  for (const pair of pairs) {
    const key = `${pair.a} ${pair.b}`
    if (!((best.get(key)?.score ?? Number.NEGATIVE_INFINITY) >= pair.score)) best.set(key, pair)
  }
  return [...best.values()].sort((p, q) => p.a - q.a || p.b - q.b)
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
