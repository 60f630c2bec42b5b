/** Finds images that show the same picture: equal files, near-duplicates, crops, mirror images and turned copies, by their content. */
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
// A native module must be loaded by the main thread before worker threads load it
import 'sharp'
import { z } from 'zod'
import { forEachBounded } from '../bounded.js'
import { type FileStamps, stateOf } from '../checks/fileStamps.js'
import { keepScan, readScan, type ScanKind } from '../checks/keepScan.js'
import type { Dataset } from '../dataset.js'
import { pixelLoops } from '../decode/pixelLoops.js'
import type { GrayBytes } from '../decode/thumbnail.js'
import { createWorkerPool } from '../loader/workerPool.js'
import { connected } from './connected.js'
import { type CandidatePair, candidatePairs, equalFiles } from './duplicateCandidates.js'
import type { DuplicateJob, DuplicateReply, Signature } from './duplicateJob.js'
import { isMirrored, type Orientation } from './orientation.js'
import type { Overlay } from './overlay.js'
import { signaturesFromBytes, signaturesToBytes } from './signatureFile.js'

/** Options of `findDuplicateGroups`. */
export interface DuplicateOptions {
  /** Whether crops are sought, too, which takes twice the time, and 6 KB for each image while it runs. True by default. */
  readonly crops?: boolean
  /** Of the data set's files, from `fileStamps`: what an earlier search found in the same files is then used again. */
  readonly stamps?: FileStamps
  /** Images that need not be decoded to be described, by sample index: of `DESCRIBED_AREA`. */
  readonly pictures?: ReadonlyMap<number, GrayBytes>
  /** Called as the work goes on: first images are described, then pairs of them compared, whose total grows meanwhile. */
  readonly onProgress?: (done: number, total: number, of: 'image' | 'pair') => void
  readonly signal?: AbortSignal
  /** Worker threads; by default as many as there are cores. They never change the result. */
  readonly threads?: number
}

/** The kinds of duplicates. */
export const duplicateKinds = ['copy', 'near', 'crop', 'mirrored', 'turned'] as const

/**
 * `copy`: equal files; `near`: the same picture again, saved, scaled or coloured otherwise; `crop`: part of the same picture;
 * `mirrored`: as in a mirror, perhaps turned by quarters besides, whole or in part; `turned`: by quarters, whole or in part.
 */
export type DuplicateKind = (typeof duplicateKinds)[number]

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
/** Least correlation of detail; a crop or copy in JPEG has 0.97 and more, a changed colour or a caption brings it down to 0.88. */
const MIN_DETAIL = 0.88
/** Least share of the overlap's parts in which detail agrees. */
const MIN_AGREEING = 0.85
/** Least share of one of the two pictures that the overlap covers. */
const MIN_COVER = 0.3
/** Share of both pictures from which on they count as one picture, not as a part of it. */
const WHOLE = 0.85
/** Raise it where the same images would now give other signatures or pairs. */
const REVISION = 3

/**
 * Groups of images of which no two should be on different sides of a split. Candidates come from a perceptual hash and, for
 * crops, from keypoints in the same arrangement; each is then checked by laying the pictures on one another. Upright crops
 * of half of a picture are found (79 of 80, scaled at random), those of a quarter in every second case, smaller ones
 * hardly. The same is sought with one picture mirrored or turned by quarters, of which only the strongest keypoints are used.
 * Images that cannot be decoded are in no group, and those that show nothing only with equal files. Decoding and
 * describing takes most of the time, but comparing hashes, and more so keypoints, grows with the square.
 */
export async function findDuplicateGroups(
  dataset: Dataset,
  indices: readonly number[],
  options: DuplicateOptions = {},
): Promise<Duplicates> {
  const { crops = true, stamps, pictures, onProgress, signal, threads = availableParallelism() } = options
  const { root } = dataset
  const members = [...new Set(indices)].sort((a, b) => a - b)
  const kinds = keptKinds(crops)
  const state = stamps && stateOf(stamps, members)
  const kept = state === undefined ? undefined : pairsFrom(await readScan(root, kinds.pairs, state), members)
  if (kept !== undefined) {
    onProgress?.(members.length, members.length, 'image')
    return { groups: connected(kept), pairs: kept }
  }
  // Loads the addon in this thread, before the workers do
  pixelLoops()
  const pool = createWorkerPool<DuplicateJob, DuplicateReply>(
    new URL('./duplicateWorker.js', import.meta.url),
    threads,
    undefined,
  )
  const path = (position: number) => resolve(root, dataset.samples[members[position]!]!.path)
  const memberStamps = stamps && BigUint64Array.from(members, index => stamps[index]!)
  try {
    const signatures = await signaturesOf(root, kinds.signatures, memberStamps)
    const missing = [...members.keys()].filter(position => signatures[position] === undefined)
    let described = members.length - missing.length
    try {
      await forEachBounded(missing, IN_FLIGHT, async position => {
        const picture = pictures?.get(members[position]!)
        const job = { task: 'describe', path: path(position), crops, picture } as const
        signatures[position] = (await pool.run(job, signal)).signature
        onProgress?.(++described, members.length, 'image')
      })
    } finally {
      // An interrupted search is gone on with
      if (memberStamps !== undefined && missing.length > 0)
        await keepScan(root, kinds.signatures, signaturesToBytes(signatures, memberStamps))
    }
    const copies = equalFiles(signatures)
    let [compared, candidates] = [0, 0]
    const pairs: DuplicatePair[] = []
    for (const [b, a] of copies) pairs.push({ a: members[a]!, b: members[b]!, kind: 'copy', score: 1 })
    const side = (position: number) => ({ path: path(position), thumbnail: signatures[position]!.thumbnail })
    const seen = new Map<string, Seen>()
    const compare = async ({ a, b, orientation, placement }: CandidatePair) => {
      const job = { task: 'compare', a: side(a), b: side(b), orientation, placement } as const
      const { overlay } = await pool.run(job, signal)
      const before = seen.get(`${a} ${b}`)
      // One that looks the same as it is and mirrored is taken as it is
      if (overlay !== undefined && samePicture(overlay) && !(before && before.orientation < orientation))
        seen.set(`${a} ${b}`, { a, b, orientation, overlay })
      onProgress?.(++compared, candidates, 'pair')
    }
    const comparisons: Promise<void>[] = []
    for await (const candidate of candidatePairs(signatures, copies, signal)) {
      candidates++
      const comparison = compare(candidate)
      // It may fail while nobody waits for it yet
      comparison.catch(() => {})
      comparisons.push(comparison)
    }
    await Promise.all(comparisons)
    for (const { a, b, orientation, overlay } of seen.values())
      pairs.push({ a: members[a]!, b: members[b]!, kind: kindOf(orientation, overlay), score: overlay.detail })
    pairs.sort((p, q) => p.a - q.a || p.b - q.b)
    if (state !== undefined) await keepScan(root, kinds.pairs, pairsToBytes(pairs, members), state)
    return { groups: connected(pairs), pairs }
  } finally {
    await pool.close()
  }
}

/** What is kept: for each image its signature, and for a state of all images the pairs. */
const keptKinds = (crops: boolean): { readonly signatures: ScanKind; readonly pairs: ScanKind } => ({
  signatures: { name: crops ? 'signatures' : 'hashes', revision: REVISION },
  pairs: { name: crops ? 'crops' : 'near', revision: REVISION },
})

async function signaturesOf(
  root: string,
  kind: ScanKind,
  stamps: FileStamps | undefined,
): Promise<(Signature | undefined)[]> {
  const content = stamps && (await readScan(root, kind))
  return content === undefined ? [] : signaturesFromBytes(content, stamps!)
}

const keptPairs = z.array(z.tuple([z.int().min(0), z.int().min(0), z.enum(duplicateKinds), z.number()]))

/** Pairs by positions among the members, as JSON. */
function pairsToBytes(pairs: readonly DuplicatePair[], members: readonly number[]): Uint8Array {
  const position = new Map(members.map((index, position) => [index, position]))
  return Buffer.from(
    JSON.stringify(pairs.map(({ a, b, kind, score }) => [position.get(a), position.get(b), kind, score])),
  )
}

function pairsFrom(content: Buffer | undefined, members: readonly number[]): DuplicatePair[] | undefined {
  if (content === undefined) return undefined
  const parsed = keptPairs.parse(JSON.parse(content.toString()))
  return parsed.map(([a, b, kind, score]) => ({ a: members[a]!, b: members[b]!, kind, score }))
}

/** Two positions whose pictures agree, once the second is turned. */
interface Seen {
  readonly a: number
  readonly b: number
  readonly orientation: Orientation
  readonly overlay: Overlay
}

function kindOf(orientation: Orientation, { coverA, coverB }: Overlay): DuplicateKind {
  if (orientation > 0) return isMirrored(orientation) ? 'mirrored' : 'turned'
  return Math.min(coverA, coverB) >= WHOLE ? 'near' : 'crop'
}

const samePicture = ({ detail, agreeing, coverA, coverB }: Overlay): boolean =>
  detail >= MIN_DETAIL && agreeing >= MIN_AGREEING && Math.max(coverA, coverB) >= MIN_COVER
