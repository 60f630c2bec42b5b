/** Looks at every image of a data set and says what a person should know before training on it. */
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
// A native module must be loaded by the main thread before worker threads load it
import 'sharp'
import { forEachBounded } from '../bounded.js'
import type { Dataset, Split } from '../dataset.js'
import { formatOfName } from '../decode/imageFormat.js'
import { type DuplicateKind, type Duplicates, duplicateKinds, findDuplicateGroups } from '../duplicates/duplicates.js'
import { createWorkerPool } from '../loader/workerPool.js'
import { classCounts, imagesAcross } from '../split/balance.js'
import type { BadImage } from './check.js'
import { fileStamps } from './fileStamps.js'
import type { ImageFacts, InspectJob, InspectReply } from './inspectJob.js'

/** Options of `audit`. */
export interface AuditOptions {
  /** The split that training would make, given what has to stay together: what it tears apart is counted. */
  readonly split: (groups: readonly (readonly number[])[]) => Split
  /** Called as the work goes on. */
  readonly onProgress?: (task: 'images' | 'duplicates' | 'pairs', done: number, total: number) => void
  readonly signal?: AbortSignal
  /** Worker threads; by default as many as there are cores. */
  readonly threads?: number
}

/** The kinds of images that are listed; an image may be of several. */
const oddities = [
  'tiny',
  'huge',
  'elongated',
  'wrongExtension',
  'frames',
  'cmyk',
  'deep',
  'faint',
  'palette',
  'alpha',
  'turned',
  'gray',
] as const
export type Oddity = (typeof oddities)[number]

/** The smallest value, quartiles and the largest value. */
export type FiveNumbers = readonly [number, number, number, number, number]

/** What was found; indices are those of the data set's samples. Plain data. */
export interface Audit {
  readonly root: string
  readonly images: number
  /** Files beside the images. */
  readonly ignored: number
  readonly classes: readonly {
    readonly name: string
    readonly images: number
    readonly bad: number
    readonly gray: number
  }[]
  /** Images that cannot be decoded, with the reason. */
  readonly bad: readonly BadImage[]
  readonly odd: Readonly<Record<Oddity, readonly number[]>>
  /** Of the images that can be decoded, upright; ratio: width by height. Undefined where there are none. */
  readonly sizes:
    | { readonly width: FiveNumbers; readonly height: FiveNumbers; readonly ratio: FiveNumbers; readonly bytes: number }
    | undefined
  readonly formats: Readonly<Record<string, number>>
  readonly duplicates: Duplicates
  /** Pairs of duplicates, by kind: within a class, and across two. */
  readonly pairs: Readonly<Record<DuplicateKind, { readonly within: number; readonly across: number }>>
  /** Pairs of classes that share pictures, most first. */
  readonly sharing: readonly { readonly classes: readonly [string, string]; readonly pairs: number }[]
  /** How many images the split would tear from their duplicates if these were not kept together. */
  readonly apart: number
  /** How many images a split that came with the data set tears from their duplicates, which training does not mend. */
  readonly across: number
}

const IN_FLIGHT = 64
/** Pixels of the shorter side below which a picture shows little. */
const TINY = 32
/** Pixels from which on decoding is slow. */
const HUGE = 25_000_000
/** Ratio of the sides from which on a centre crop shows little of the picture, and squashing distorts it much. */
const ELONGATED = 3

const isOdd: Readonly<Record<Oddity, (facts: ImageFacts, path: string) => boolean>> = {
  tiny: ({ width, height }) => Math.min(width, height) < TINY,
  huge: ({ width, height }) => width * height >= HUGE,
  elongated: ({ width, height }) => Math.max(width / height, height / width) >= ELONGATED,
  wrongExtension: ({ format }, path) => (formatOfName(path) ?? format) !== format,
  frames: ({ frames }) => frames > 1,
  cmyk: ({ cmyk }) => cmyk,
  deep: ({ bits }) => bits > 8,
  faint: ({ faint }) => faint,
  palette: ({ palette }) => palette,
  alpha: ({ alpha }) => alpha,
  turned: ({ turned }) => turned,
  gray: ({ gray }) => gray,
}

/** Decodes and describes every image, and searches for duplicates and crops; what an earlier search found is used. */
export async function audit(dataset: Dataset, options: AuditOptions): Promise<Audit> {
  const { split, onProgress, signal, threads = availableParallelism() } = options
  const { root, classes, samples } = dataset
  const replies = await inspectAll(dataset, threads, signal, (done, total) => onProgress?.('images', done, total))
  const bad = replies.flatMap((reply, index) =>
    'failure' in reply ? [{ index, path: samples[index]!.path, reason: reply.failure }] : [],
  )
  const good = replies.flatMap((reply, index) => ('facts' in reply ? [{ index, facts: reply.facts }] : []))
  const odd = Object.fromEntries(
    oddities.map(kind => [
      kind,
      good.filter(({ facts, index }) => isOdd[kind](facts, samples[index]!.path)).map(({ index }) => index),
    ]),
  ) as Record<Oddity, number[]>
  const pictures = new Map(
    replies.flatMap((reply, index) => ('facts' in reply && reply.picture ? [[index, reply.picture] as const] : [])),
  )
  const duplicates = await findDuplicateGroups(dataset, [...samples.keys()], {
    pictures,
    threads,
    stamps: await fileStamps(dataset, undefined, signal),
    onProgress: (done, total, of) => onProgress?.(of === 'pair' ? 'pairs' : 'duplicates', done, total),
    ...(signal === undefined ? {} : { signal }),
  })
  const badIndices = bad.map(({ index }) => index)
  const [all, undecoded, gray] = [[...samples.keys()], badIndices, odd.gray].map(of => classCounts(dataset, of))
  return {
    root,
    images: samples.length,
    ignored: dataset.ignored ?? 0,
    classes: classes.map((name, label) => ({
      name,
      images: all![label]!,
      bad: undecoded![label]!,
      gray: gray![label]!,
    })),
    bad,
    odd,
    sizes: sizesOf(good.map(({ facts }) => facts)),
    formats: countBy(good.map(({ facts }) => facts.format)),
    duplicates,
    ...pairsOf(dataset, duplicates),
    apart: imagesAcross(duplicates.groups, split([])),
    across: imagesAcross(duplicates.groups, split(duplicates.groups)),
  }
}

async function inspectAll(
  { root, samples }: Dataset,
  threads: number,
  signal: AbortSignal | undefined,
  onProgress: (done: number, total: number) => void,
): Promise<InspectReply[]> {
  const script = new URL('./inspectWorker.js', import.meta.url)
  const pool = createWorkerPool<InspectJob, InspectReply>(script, threads, undefined)
  const replies = new Array<InspectReply>(samples.length)
  let done = 0
  try {
    await forEachBounded(samples, IN_FLIGHT, async ({ path }, index) => {
      replies[index] = await pool.run({ path: resolve(root, path) }, signal)
      onProgress(++done, samples.length)
    })
    return replies
  } finally {
    await pool.close()
  }
}

function sizesOf(facts: readonly ImageFacts[]): Audit['sizes'] {
  if (facts.length === 0) return undefined
  const numbers = (value: (facts: ImageFacts) => number) => fiveNumbers(facts.map(value))
  return {
    width: numbers(({ width }) => width),
    height: numbers(({ height }) => height),
    ratio: numbers(({ width, height }) => width / height),
    bytes: facts.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}

function fiveNumbers(values: readonly number[]): FiveNumbers {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))]!
  return [at(0), at(0.25), at(0.5), at(0.75), at(1)]
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

function pairsOf({ classes, samples }: Dataset, { pairs }: Duplicates): Pick<Audit, 'pairs' | 'sharing'> {
  const byKind = Object.fromEntries(duplicateKinds.map(kind => [kind, { within: 0, across: 0 }])) as Record<
    DuplicateKind,
    { within: number; across: number }
  >
  const shared = new Map<string, { classes: [string, string]; pairs: number }>()
  for (const { a, b, kind } of pairs) {
    const [p, q] = [samples[a]!.label, samples[b]!.label].sort((x, y) => x - y) as [number, number]
    byKind[kind][p === q ? 'within' : 'across']++
    if (p === q) continue
    const entry = shared.get(`${p} ${q}`) ?? { classes: [classes[p]!, classes[q]!], pairs: 0 }
    entry.pairs++
    shared.set(`${p} ${q}`, entry)
  }
  return { pairs: byKind, sharing: [...shared.values()].sort((x, y) => y.pairs - x.pairs) }
}
