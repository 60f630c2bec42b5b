/** The evaluation transform and the training augmentation: which part of an image is resized to what, and its normalisation. */

import type { Preprocessing } from '../../base/preprocessing.js'
import type { RandomStream } from '../../base/random.js'
import type { RgbImage } from './decode.js'
import { pixelLoops } from './pixelLoops.js'
import { type Rectangle, type Resampling, resample } from './resample.js'

/** Width and height after a resize of the short side, as torchvision computes them: int(short * long / short side). */
export function resizedTo(width: number, height: number, short: number): { width: number; height: number } {
  return width <= height
    ? { width: short, height: Math.trunc((short * height) / width) }
    : { width: Math.trunc((short * width) / height), height: short }
}

/** Python's round: a half goes to the even neighbour. */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x)
  return x - floor === 0.5 ? floor + (floor % 2) : Math.round(x)
}

/** torchvision's Resize(resize), or Resize((resize, resize)) for `squash`, and CenterCrop(size), for an image of the given size. */
export function evaluationPlan(width: number, height: number, preprocessing: Preprocessing): Resampling {
  const { size, resize, crop, interpolation } = preprocessing
  const resized = crop === 'squash' ? { width: resize, height: resize } : resizedTo(width, height, resize)
  const window = {
    x: roundHalfEven((resized.width - size) / 2),
    y: roundHalfEven((resized.height - size) / 2),
    width: size,
    height: size,
  }
  return { source: { x: 0, y: 0, width, height }, ...resized, window, interpolation }
}

/** The evaluation transform of an image, `size` x `size` x 3 bytes: what the network sees in evaluation, before normalisation. */
export function evaluationCrop(image: RgbImage, preprocessing: Preprocessing): RgbImage {
  const { size } = preprocessing
  const pixels = new Uint8Array(size * size * 3)
  resample(image, evaluationPlan(image.width, image.height, preprocessing), pixels)
  return { width: size, height: size, pixels }
}

/** Short side, in pixels, above which an image is reduced before it is augmented; a squashed one may have no border at all. */
function augmentationShortSide({ size, resize, crop }: Preprocessing): number {
  return Math.ceil((crop === 'squash' ? Math.max(resize, Math.floor(size / 0.875)) : resize) * 1.15)
}

/**
 * What is augmented: the image, reduced to `augmentationShortSide` if it is larger. An average crop has 0.8 of the side, so
 * it is hardly ever enlarged; and a data set of photographs fits into memory. The reduction is part of the transform,
 * not of the cache: an image that does not fit into the cache has the same pixels.
 */
export function augmentationSource(image: RgbImage, preprocessing: Preprocessing): RgbImage {
  const short = augmentationShortSide(preprocessing)
  if (Math.min(image.width, image.height) <= short) return image
  const resized = resizedTo(image.width, image.height, short)
  const pixels = new Uint8Array(resized.width * resized.height * 3)
  const window = { x: 0, y: 0, ...resized }
  const source = { x: 0, y: 0, width: image.width, height: image.height }
  resample(image, { source, ...resized, window, interpolation: preprocessing.interpolation }, pixels)
  return { ...resized, pixels }
}

/** Options of `crop-flip`. */
export interface CropFlip {
  /** Least and greatest fraction of the image's area that a crop covers. */
  readonly scale: readonly [number, number]
  /** Least and greatest ratio of a crop's width to its height. */
  readonly ratio: readonly [number, number]
}

/** torchvision's defaults but for the least area, which is 0.08 there: small sets with large objects want more of them in view. */
export const defaultCropFlip: CropFlip = { scale: [0.35, 1], ratio: [3 / 4, 4 / 3] }

/** A random rectangle of an image: torchvision's RandomResizedCrop.get_params. */
export function randomCrop(width: number, height: number, options: CropFlip, random: RandomStream): Rectangle {
  const uniform = (low: number, high: number) => low + (high - low) * random.next()
  const [narrow, wide] = options.ratio
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = width * height * uniform(...options.scale)
    const ratio = Math.exp(uniform(Math.log(narrow), Math.log(wide)))
    const w = roundHalfEven(Math.sqrt(area * ratio))
    const h = roundHalfEven(Math.sqrt(area / ratio))
    if (w > 0 && w <= width && h > 0 && h <= height) {
      const y = random.integer(height - h + 1)
      return { x: random.integer(width - w + 1), y, width: w, height: h }
    }
  }
  const w = width / height > wide ? roundHalfEven(height * wide) : width
  const h = width / height < narrow ? roundHalfEven(width / narrow) : height
  return { x: Math.floor((width - w) / 2), y: Math.floor((height - h) / 2), width: w, height: h }
}

/** An augmented view: its pixels, and whether they are to be read from right to left. */
export interface AugmentedView {
  readonly pixels: Uint8Array
  readonly flipped: boolean
}

/** `crop-flip`: a random crop resized to `size` x `size`, mirrored half of the time. `source` comes from `augmentationSource`. */
export function augment(
  source: RgbImage,
  preprocessing: Preprocessing,
  options: CropFlip,
  random: RandomStream,
): AugmentedView {
  const { size, interpolation } = preprocessing
  const crop = randomCrop(source.width, source.height, options, random)
  const flipped = random.next() < 0.5
  const pixels = new Uint8Array(size * size * 3)
  const window = { x: 0, y: 0, width: size, height: size }
  resample(source, { source: crop, width: size, height: size, window, interpolation }, pixels)
  return { pixels, flipped }
}

/** For each channel, the float32 that each of the 256 byte values becomes: (value / 255 - mean) / std. */
export function normalisation({ mean, std }: Preprocessing): readonly [Float32Array, Float32Array, Float32Array] {
  const table = (m: number, s: number) => Float32Array.from({ length: 256 }, (_, value) => (value / 255 - m) / s)
  return [table(mean[0], std[0]), table(mean[1], std[1]), table(mean[2], std[2])]
}

/**
 * Writes an image as the network's input, channels first (3 x size x size).
 * @param out where to write; 3 * size * size numbers
 */
export function normalise(
  { pixels, flipped }: AugmentedView,
  size: number,
  tables: readonly [Float32Array, Float32Array, Float32Array],
  out: Float32Array,
): void {
  pixelLoops().normalise(pixels, size, flipped, tables, out)
}
