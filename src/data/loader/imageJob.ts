/** What the loader asks of an image worker, and what it gets back. */

import type { Preprocessing } from '../../base/preprocessing.js'
import type { Variation } from '../augment/variation.js'
import type { RgbImage } from '../decode/decode.js'
import type { CropFlip } from '../decode/transform.js'

/** The same for all jobs of a worker. */
export interface ImageSettings {
  readonly preprocessing: Preprocessing
  readonly cropFlip: CropFlip
  readonly variation: Variation
}

/** `crop`: the evaluation crop; `source`: what augmentation starts from. */
export type ImageKind = 'crop' | 'source'

/** One image: decode it (unless `image` is there), keep it, write it into a batch; each where it is asked for. */
export interface ImageJob {
  readonly path: string
  readonly kind: ImageKind
  /** The image from the cache; its pixels are shared memory. */
  readonly image: RgbImage | undefined
  /** Whether the reply should hold the pixels. */
  readonly keep: boolean
  /** Where the network's input goes: shared memory, and the place in the batch. */
  readonly out: { readonly images: Float32Array; readonly place: number } | undefined
  /** The parts of the random stream, for `source` and variation. */
  readonly random: readonly (number | string)[]
  /** Whether the settings' variation is applied. */
  readonly vary: boolean
}

/** The decoded image if it was to be kept, or why the file cannot be decoded. */
export interface ImageReply {
  readonly image?: RgbImage
  readonly failure?: string
  /** As of `RgbImage`, where it was decoded just now. */
  readonly faint?: boolean
}
