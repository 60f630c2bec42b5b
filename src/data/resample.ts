/** Resizes 8-bit RGB pixels exactly as PIL does: antialiased, separable, in fixed point. */
import type { RgbImage } from './decode.js'

/** A rectangle in pixels. */
export interface Rectangle {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** What to compute: `source` is cut out of the image, resized to `width` x `height`, and `window` is cut out of that. */
export interface Resampling {
  readonly source: Rectangle
  readonly width: number
  readonly height: number
  readonly window: Rectangle
  readonly interpolation: 'bilinear' | 'bicubic'
}

interface Filter {
  readonly support: number
  weight(x: number): number
}

const filters: Readonly<Record<Resampling['interpolation'], Filter>> = {
  bilinear: { support: 1, weight: x => Math.max(0, 1 - Math.abs(x)) },
  // Keys' cubic convolution with a = -0.5, which is PIL's (OpenCV and PyTorch tensors use -0.75)
  bicubic: {
    support: 2,
    weight: x => {
      const t = Math.abs(x)
      if (t < 1) return (1.5 * t - 2.5) * t * t + 1
      return t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0
    },
  },
}

/** Fraction bits of a weight: 32, less 8 of the pixel, less 2 for the sign and for cubic overshoot. */
const FRACTION = 22
const HALF = 1 << (FRACTION - 1)

interface Taps {
  /** For each output: the first input pixel and how many follow it, in pairs. */
  readonly bounds: Int32Array
  /** `stride` fixed-point weights for each output. */
  readonly weights: Int32Array
  readonly stride: number
}

/** Weights of the outputs `first` to `first + count` when `inputs` pixels become `outputs` (Pillow, Resample.c). */
function taps(inputs: number, outputs: number, first: number, count: number, filter: Filter): Taps {
  const scale = inputs / outputs
  const stretch = Math.max(scale, 1)
  const support = filter.support * stretch
  const stride = Math.ceil(support) * 2 + 1
  const bounds = new Int32Array(count * 2)
  const weights = new Int32Array(count * stride)
  const exact = new Float64Array(stride)
  for (let i = 0; i < count; i++) {
    const centre = (first + i + 0.5) * scale
    const start = Math.max(0, Math.trunc(centre - support + 0.5))
    const length = Math.min(inputs, Math.trunc(centre + support + 0.5)) - start
    let sum = 0
    for (let k = 0; k < length; k++) sum += exact[k] = filter.weight((start + k - centre + 0.5) / stretch)
    for (let k = 0; k < length; k++) {
      const weight = (exact[k]! / sum) * (1 << FRACTION)
      weights[i * stride + k] = weight < 0 ? weight - 0.5 : weight + 0.5
    }
    bounds[i * 2] = start
    bounds[i * 2 + 1] = length
  }
  return { bounds, weights, stride }
}

/**
 * The resampled window, as RGB bytes, row by row.
 * Only the rows and columns that the window needs are computed, so an extreme aspect ratio costs nothing.
 * @param target where to write; window.width * window.height * 3 bytes
 */
export function resample(image: RgbImage, plan: Resampling, target: Uint8Array): void {
  const { source, window } = plan
  const filter = filters[plan.interpolation]
  const columns = taps(source.width, plan.width, window.x, window.width, filter)
  const rows = taps(source.height, plan.height, window.y, window.height, filter)
  const last = 2 * (window.height - 1)
  const top = rows.bounds[0]!
  const count = rows.bounds[last]! + rows.bounds[last + 1]! - top
  const between = new Uint8ClampedArray(count * window.width * 3)
  const start = (source.y + top) * image.width + source.x
  horizontal(image.pixels, start * 3, image.width * 3, columns, between, count, window.width)
  const clamped = new Uint8ClampedArray(target.buffer, target.byteOffset, target.length)
  vertical(between, top, rows, clamped, window.height, window.width * 3)
}

function horizontal(
  pixels: Uint8Array,
  start: number,
  rowBytes: number,
  { bounds, weights, stride }: Taps,
  out: Uint8ClampedArray,
  rows: number,
  width: number,
): void {
  let o = 0
  for (let y = 0; y < rows; y++) {
    const row = start + y * rowBytes
    for (let x = 0; x < width; x++) {
      let p = row + bounds[x * 2]! * 3
      let k = x * stride
      const end = k + bounds[x * 2 + 1]!
      let r = HALF
      let g = HALF
      let b = HALF
      for (; k < end; k++, p += 3) {
        const w = weights[k]!
        r = (r + Math.imul(pixels[p]!, w)) | 0
        g = (g + Math.imul(pixels[p + 1]!, w)) | 0
        b = (b + Math.imul(pixels[p + 2]!, w)) | 0
      }
      out[o] = r >> FRACTION
      out[o + 1] = g >> FRACTION
      out[o + 2] = b >> FRACTION
      o += 3
    }
  }
}

function vertical(
  pixels: Uint8ClampedArray,
  top: number,
  { bounds, weights, stride }: Taps,
  out: Uint8ClampedArray,
  height: number,
  rowBytes: number,
): void {
  const sums = new Int32Array(rowBytes)
  for (let y = 0; y < height; y++) {
    sums.fill(HALF)
    const length = bounds[y * 2 + 1]!
    let p = (bounds[y * 2]! - top) * rowBytes
    for (let k = 0; k < length; k++, p += rowBytes) {
      const w = weights[y * stride + k]!
      for (let x = 0; x < rowBytes; x++) sums[x] = (sums[x]! + Math.imul(pixels[p + x]!, w)) | 0
    }
    const o = y * rowBytes
    for (let x = 0; x < rowBytes; x++) out[o + x] = sums[x]! >> FRACTION
  }
}
