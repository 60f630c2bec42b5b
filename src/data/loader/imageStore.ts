/** Decoded images in memory, for the loaders that read the same files. */
import { freemem } from 'node:os'
import type { Preprocessing } from '../../base/preprocessing.js'
import type { Dataset } from '../dataset.js'
import type { RgbImage } from '../decode/decode.js'
import type { ImageKind } from './imageJob.js'

type Kept = Readonly<Record<ImageKind, Map<number, RgbImage>>>

export interface ImageStore {
  /** Most bytes of pixels. */
  readonly capacity: number
  /** Bytes of pixels that are kept. */
  used(): number
  /** What is kept of a data set under a preprocessing, by position in the data set. */
  of(dataset: Dataset, preprocessing: Preprocessing): Kept
  /** Keeps an image, as far as there is room. */
  keep(images: Map<number, RgbImage>, index: number, image: RgbImage): void
}

/** @param capacity in bytes; by default a quarter of the free memory, at most 4 GiB */
export function createImageStore(capacity = Math.min(availableMemory() / 4, 4 * 1024 ** 3)): ImageStore {
  const stores = new Map<string, Kept>()
  let used = 0
  return {
    capacity,
    used: () => used,
    of: ({ root, samples }, preprocessing) => {
      const key = JSON.stringify([root, samples.length, samples[0]?.path, preprocessing])
      const kept = stores.get(key) ?? { crop: new Map(), source: new Map() }
      stores.set(key, kept)
      return kept
    },
    keep: (images, index, image) => {
      if (images.has(index) || used + image.pixels.length > capacity) return
      images.set(index, image)
      used += image.pixels.length
    },
  }
}

/** Bytes, within the limits of a container where Node tells them (20.13 and later). */
function availableMemory(): number {
  return typeof process.availableMemory === 'function' ? process.availableMemory() : freemem()
}
