/** TrivialAugment, wide (Müller and Hutter 2021): one operation of random strength, as torchvision's TrivialAugmentWide. */
import type { RandomStream } from '../../base/random.js'
import type { RgbImage } from '../decode/decode.js'
import { rotate, shearX, shearY, translate } from './affine.js'
import { autocontrast, brightness, contrast, equalize, posterize, saturation, sharpness, solarize } from './pixelOps.js'

/** Strengths are drawn from this many, evenly spaced ones. */
const BINS = 31

interface Operation {
  /** Strength in the first and last bin; where there is none, the operation has no strength. */
  readonly range?: readonly [number, number]
  /** Whether the strength is negated half of the time. */
  readonly signed?: boolean
  apply(image: RgbImage, strength: number): RgbImage
}

const operations: readonly Operation[] = [
  { apply: image => image },
  { range: [0, 0.99], signed: true, apply: shearX },
  { range: [0, 0.99], signed: true, apply: shearY },
  { range: [0, 32], signed: true, apply: (image, pixels) => translate(image, Math.trunc(pixels), 0) },
  { range: [0, 32], signed: true, apply: (image, pixels) => translate(image, 0, Math.trunc(pixels)) },
  { range: [0, 135], signed: true, apply: rotate },
  { range: [0, 0.99], signed: true, apply: (image, change) => brightness(image, 1 + change) },
  { range: [0, 0.99], signed: true, apply: (image, change) => saturation(image, 1 + change) },
  { range: [0, 0.99], signed: true, apply: (image, change) => contrast(image, 1 + change) },
  { range: [0, 0.99], signed: true, apply: (image, change) => sharpness(image, 1 + change) },
  { range: [8, 2], apply: (image, bits) => posterize(image, Math.round(bits)) },
  { range: [255, 0], apply: solarize },
  { apply: autocontrast },
  { apply: equalize },
]

/** The image after one operation, drawn like its strength from the stream; the given pixels stay as they are. */
export function trivialAugment(image: RgbImage, random: RandomStream): RgbImage {
  const { range, signed = false, apply } = operations[random.integer(operations.length)]!
  if (range === undefined) return apply(image, 0)
  const strength = range[0] + ((range[1] - range[0]) * random.integer(BINS)) / (BINS - 1)
  return apply(image, signed && random.integer(2) === 1 ? -strength : strength)
}
