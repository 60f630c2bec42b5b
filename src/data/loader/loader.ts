/** Batches of network input: decoded once, cached in memory, augmented and normalised in worker threads, ahead of the consumer. */
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
// A native module must be loaded by the main thread before worker threads load it
import 'sharp'
import { RegraftError } from '../../base/errors.js'
import type { Preprocessing } from '../../base/preprocessing.js'
import { visibleLine } from '../../base/visible.js'
import type { Variation } from '../augment/variation.js'
import type { Dataset } from '../dataset.js'
import { pixelLoops } from '../decode/pixelLoops.js'
import { type CropFlip, defaultCropFlip } from '../decode/transform.js'
import type { ImageJob, ImageKind, ImageReply, ImageSettings } from './imageJob.js'
import { createImageStore, type ImageStore } from './imageStore.js'
import { createWorkerPool } from './workerPool.js'

/** How training images are varied: not; by a random crop and mirroring; or by these and then one operation of TrivialAugment. */
export type Augmentation = 'none' | 'crop-flip' | 'trivial'

/** Options of `createLoader`. */
export interface LoaderOptions {
  readonly preprocessing: Preprocessing
  /** Worker threads; by default as many as there are cores. They never change a result. */
  readonly threads?: number
  /** Most bytes of decoded pixels to keep; by default a quarter of the free memory, at most 4 GiB. */
  readonly cacheBytes?: number
  /** Where decoded pixels are kept, if other loaders of the same data set shall find them; `cacheBytes` is then its own. */
  readonly images?: ImageStore
  /** Seed of the augmentation; 0 by default. */
  readonly seed?: number
  /** `none` by default. */
  readonly augment?: Augmentation
  /** Ranges of the crop. */
  readonly cropFlip?: CropFlip
  /** Strength of colour jitter on training images, whatever `augment` is; see `jitterOf`. 0, which is none, by default. */
  readonly colorJitter?: number
  /** Probability, from 0 to 1, that a rectangle of a training image is erased, whatever `augment` is. 0 by default. */
  readonly randomErasing?: number
  /** URL of a module whose default export changes the pixels of a training image, after all of these but erasing. */
  readonly ownAugmentation?: string
}

/** Options of `Loader.batches`. */
export interface BatchOptions {
  readonly batchSize: number
  /** Images are augmented (if the loader does that) instead of centre cropped. */
  readonly training?: boolean
  /** Which variation of each image: part of its random stream. 0 by default. */
  readonly epoch?: number
  /** Leave out a last batch that is not full. */
  readonly dropLast?: boolean
  readonly signal?: AbortSignal
}

/**
 * One batch. It is valid until the next one is asked for: then its memory is used again. The images are in shared memory, so
 * another thread gets them without a copy; native libraries that refuse such memory need one.
 */
export interface Batch {
  /** batchSize x 3 x size x size, normalised; places without an image are zero. */
  readonly images: Float32Array
  /** batchSize labels; 0 where there is no image. */
  readonly labels: Int32Array
  /** How many places hold an image; they come first. */
  readonly count: number
  /** batchSize indices into the data set's samples; -1 where there is no image. */
  readonly indices: Int32Array
}

/** Reads the images of one data set. */
export interface Loader {
  readonly dataset: Dataset
  readonly preprocessing: Preprocessing
  /**
   * Batches of the given samples in the given order; two are prepared ahead. The numbers depend on the files, the
   * preprocessing, seed, epoch and index only, never on threads, order or cache.
   * @throws RegraftError naming the file, if an image cannot be decoded
   */
  batches(indices: readonly number[], options: BatchOptions): AsyncGenerator<Batch, void, undefined>
  /** Decodes one image into the cache, as far as that has room; the result is why it cannot be decoded, if so, and whether it is nearly black. */
  prepare(index: number, options?: { training?: boolean; signal?: AbortSignal }): Promise<Omit<ImageReply, 'image'>>
  /** What the cache holds. */
  cached(): { readonly images: number; readonly bytes: number }
  /** Ends the worker threads. */
  close(): Promise<void>
}

/** Batches that are being prepared while the consumer works on one. */
const AHEAD = 2

/** A loader for a data set; sample paths that are absolute are taken as they are. */
export function createLoader(dataset: Dataset, options: LoaderOptions): Loader {
  const { preprocessing, seed = 0, augment = 'none', cropFlip = defaultCropFlip } = options
  const variation: Variation = {
    trivial: augment === 'trivial',
    colorJitter: options.colorJitter ?? 0,
    randomErasing: options.randomErasing ?? 0,
    own: options.ownAugmentation,
  }
  const threads = options.threads ?? availableParallelism()
  const store = options.images ?? createImageStore(options.cacheBytes)
  const settings: ImageSettings = { preprocessing, cropFlip, variation }
  // Loads the addon in this thread, before the workers do
  pixelLoops()
  const pool = createWorkerPool<ImageJob, ImageReply>(new URL('./imageWorker.js', import.meta.url), threads, settings)
  const caches = store.of(dataset, preprocessing)
  const spare: Float32Array[] = []
  const imageLength = 3 * preprocessing.size ** 2

  const sampleOf = (index: number) => {
    const sample = dataset.samples[index]
    if (sample === undefined) throw new RangeError(`no sample ${index}: the data set has ${dataset.samples.length}`)
    return sample
  }

  const load = async (
    index: number,
    training: boolean,
    epoch: number,
    out: ImageJob['out'],
    signal: AbortSignal | undefined,
  ): Promise<Omit<ImageReply, 'image'>> => {
    const kind: ImageKind = training && augment !== 'none' ? 'source' : 'crop'
    const path = resolve(dataset.root, sampleOf(index).path)
    const random = [seed, 'augment', epoch, index]
    const image = caches[kind].get(index)
    // Nothing is ever dropped: an epoch visits every image once, so the oldest entry is the one needed next
    const keep = image === undefined && store.used() < store.capacity
    const { image: kept, ...reply } = await pool.run({ path, kind, image, keep, out, random, vary: training }, signal)
    if (kept !== undefined) store.keep(caches[kind], index, kept)
    return reply
  }

  const buffer = (length: number): Float32Array => {
    const at = spare.findIndex(images => images.length === length)
    return at >= 0 ? spare.splice(at, 1)[0]! : new Float32Array(new SharedArrayBuffer(length * 4))
  }

  const makeBatch = async (indices: readonly number[], options: BatchOptions, signal: AbortSignal): Promise<Batch> => {
    const { batchSize, training = false, epoch = 0 } = options
    const images = buffer(batchSize * imageLength).fill(0, indices.length * imageLength)
    const labels = new Int32Array(batchSize)
    const places = new Int32Array(batchSize).fill(-1)
    await Promise.all(
      indices.map(async (index, place) => {
        const { label, path } = sampleOf(index)
        labels[place] = label
        places[place] = index
        const { failure } = await load(index, training, epoch, { images, place }, signal)
        if (failure !== undefined) throw undecodable(path, failure)
      }),
    )
    return { images, labels, count: indices.length, indices: places }
  }

  async function* batches(indices: readonly number[], options: BatchOptions): AsyncGenerator<Batch, void, undefined> {
    const { batchSize, dropLast = false, signal } = options
    const stop = new AbortController()
    const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal])
    if (!(batchSize >= 1)) throw new RangeError(`batch size ${batchSize}`)
    const count = (dropLast ? Math.floor : Math.ceil)(indices.length / batchSize)
    const pending: Promise<Batch>[] = []
    let begun = 0
    try {
      for (let done = 0; done < count; done++) {
        for (; begun < count && pending.length <= AHEAD; begun++) {
          const batch = makeBatch(indices.slice(begun * batchSize, (begun + 1) * batchSize), options, either)
          // It may fail while nobody waits for it yet; whoever asks for it gets the error
          batch.catch(() => {})
          pending.push(batch)
        }
        const batch = await pending.shift()!
        signal?.throwIfAborted()
        yield batch
        spare.push(batch.images)
      }
    } finally {
      // The buffers of batches that are still being filled are left to the garbage collector
      stop.abort()
    }
  }

  return {
    dataset,
    preprocessing,
    batches,
    prepare: (index, { training = false, signal } = {}) => load(index, training, 0, undefined, signal),
    cached: () => ({ images: caches.crop.size + caches.source.size, bytes: store.used() }),
    close: () => pool.close(),
  }
}

/** The error for an image that cannot be decoded. */
export function undecodable(path: string, reason: string): RegraftError {
  return new RegraftError(
    'data',
    `${visibleLine(path)} cannot be decoded (${reason}); remove it, or train with --skip-bad-images`,
  )
}
