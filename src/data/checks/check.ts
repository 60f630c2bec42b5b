/** Decodes every image once before training starts: finds bad files early, and fills the loader's cache in the same pass. */
import { RegraftError } from '../../base/errors.js'
import { plural } from '../../base/plural.js'
import { shellOption } from '../../base/shell.js'
import { forEachBounded } from '../bounded.js'
import { type Dataset, type Split, sourceOf } from '../dataset.js'
import { faulty, listed } from '../faults.js'
import { byCodePoint } from '../folders/codePoints.js'
import { type Loader, undecodable } from '../loader/loader.js'
import { checkedFiles, hasStamp, keepCheckedFiles } from './checkedFiles.js'
import type { FileStamps } from './fileStamps.js'

/** Options of `checkImages`. */
export interface CheckOptions {
  /** Leave images out that cannot be decoded, instead of failing. */
  readonly skipBad?: boolean
  /**
   * Of the data set's files, from `fileStamps`: those that were decoded in an earlier check and have not changed are not
   * decoded again; the loader's cache is then filled by the first epoch.
   */
  readonly stamps?: FileStamps
  /** Called after each image. */
  readonly onProgress?: (done: number, total: number) => void
  readonly signal?: AbortSignal
}

/** An image that cannot be decoded. */
export interface BadImage {
  readonly index: number
  readonly path: string
  readonly reason: string
}

/** What was found. */
export interface CheckResult {
  /** The split without the bad images. */
  readonly split: Split
  readonly bad: readonly BadImage[]
  /** What a person should hear of images that can be decoded. */
  readonly warnings: readonly string[]
}

/** Jobs that wait for a worker; enough to keep any number of cores busy. */
const IN_FLIGHT = 64

/**
 * Decodes the images of a split, those for training first, since they profit most from the cache.
 * @throws RegraftError with the data set's faults, naming the files that cannot be decoded (unless `skipBad`), or a class that is left without training images
 */
export async function checkImages(loader: Loader, split: Split, options: CheckOptions = {}): Promise<CheckResult> {
  const { skipBad = false, stamps, onProgress, signal } = options
  const { root, samples } = loader.dataset
  const training = new Set(split.train)
  const known = stamps === undefined ? undefined : await checkedFiles(root)
  const all = [...split.train, ...split.val, ...split.test]
  const indices = known === undefined ? all : all.filter(index => !hasStamp(known, stamps![index]!))
  const bad: BadImage[] = []
  // Not kept as checked: a second run is to hear of them, too
  const faint: string[] = []
  const decoded: bigint[] = []
  let done = all.length - indices.length
  if (done > 0) onProgress?.(done, all.length)
  try {
    await forEachBounded(indices, IN_FLIGHT, async index => {
      signal?.throwIfAborted()
      const { failure: reason, faint: isFaint } = await loader.prepare(index, {
        training: training.has(index),
        ...(signal === undefined ? {} : { signal }),
      })
      if (reason !== undefined) bad.push({ index, path: samples[index]!.path, reason })
      else if (isFaint) faint.push(samples[index]!.path)
      else if (stamps !== undefined) decoded.push(stamps[index]!)
      onProgress?.(++done, all.length)
    })
  } finally {
    // An interrupted check is gone on with
    if (known !== undefined && decoded.length > 0) await keepCheckedFiles(root, known, decoded)
  }
  bad.sort((a, b) => a.index - b.index)
  const { faults = [] } = loader.dataset
  if (faults.length > 0) throw alsoFaulty(loader.dataset, faults, skipBad ? [] : bad)
  const warnings = faint.length > 0 ? [faintWarning(faint.sort(byCodePoint), all.length)] : []
  if (bad.length === 0) return { split, bad, warnings }
  if (!skipBad) throw badImages(loader.dataset, bad)
  const left = new Set(bad.map(({ index }) => index))
  const good = (part: readonly number[]) => part.filter(index => !left.has(index))
  const rest = { train: good(split.train), val: good(split.val), test: good(split.test) }
  everyClassTrains(loader.dataset, split, rest)
  return { split: rest, bad, warnings }
}

const faintWarning = (paths: readonly string[], images: number): string =>
  `${paths.length} of ${plural(images, 'image')} ${paths.length === 1 ? 'has' : 'have'} 16 bits a channel and less than a quarter of their range in use, as cameras of 12 bits write them (${paths.slice(0, 3).join(', ')}${paths.length > 3 ? ', …' : ''}): the network sees them nearly black; spread their brightness over the whole range first`

function badImages(dataset: Dataset, bad: readonly BadImage[]): RegraftError {
  const [first] = bad
  if (bad.length === 1) return undecodable(first!.path, first!.reason)
  const lines = listed(
    bad.map(({ path, reason }) => `${path} (${reason})`),
    `; regraft audit ${sourceOf(dataset)} names them all`,
  )
  return new RegraftError(
    'data',
    `${plural(bad.length, 'image')} cannot be decoded; remove them or pass --skip-bad-images:\n${lines.join('\n')}`,
  )
}

const alsoFaulty = (dataset: Dataset, faults: readonly string[], bad: readonly BadImage[]): RegraftError =>
  faulty(
    sourceOf(dataset),
    faults,
    bad.map(({ path, reason }) => `${path} cannot be decoded (${reason})`),
    bad.length > 0 ? 'Remove images that cannot be decoded, or pass --skip-bad-images.' : '',
  )

function everyClassTrains(dataset: Dataset, before: Split, after: Split): void {
  const labels = (split: Split) => new Set(split.train.map(index => dataset.samples[index]!.label))
  const left = labels(after)
  const empty = [...labels(before)].filter(label => !left.has(label)).map(label => dataset.classes[label]!)
  if (empty.length === 0) return
  throw faulty(
    sourceOf(dataset),
    empty.map(
      name =>
        `class ${name} has no training image that can be decoded; add images or pass ${shellOption('--exclude', name)}`,
    ),
  )
}
