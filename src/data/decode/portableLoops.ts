/** What the loops over pixels are, and all of them in plain TypeScript. */
import { FRACTION, type Taps } from './resampleWeights.js'

/** Both implementations give the same numbers, so that which one runs never changes a result. */
export interface PixelLoops {
  /**
   * Resizes RGB bytes: first each row, then each column, rounded to bytes in between.
   * @param start the byte where the row 0 and the column 0 that the taps speak of meet
   * @param rowBytes from a row to the next
   * @param target 3 bytes for each of `columns` in each of `rows`
   */
  resample(pixels: Uint8Array, start: number, rowBytes: number, columns: Taps, rows: Taps, target: Uint8Array): void
  /**
   * Writes RGB bytes, `size` x `size` pixels, as numbers, channels first.
   * @param flipped whether each row is read from right to left
   * @param tables for each channel the number that each byte becomes
   */
  normalise(
    pixels: Uint8Array,
    size: number,
    flipped: boolean,
    tables: readonly [Float32Array, Float32Array, Float32Array],
    out: Float32Array,
  ): void
  /**
   * A symmetric filter: out[outStart + i] becomes the sum over k of kernel[k] * (source[start + i - k * stride] +
   * source[start + i + k * stride]), the middle once. The sums of two numbers are rounded to single precision, so that
   * their products are exact in double precision; the result is rounded after every second k.
   */
  symmetric(
    source: Float32Array,
    start: number,
    stride: number,
    kernel: Float32Array,
    out: Float32Array,
    outStart: number,
    count: number,
  ): void
}

const HALF = 1 << (FRACTION - 1)

export const portableLoops: PixelLoops = {
  resample: (pixels, start, rowBytes, columns, rows, target) => {
    const height = rows.bounds.length / 2
    const width = columns.bounds.length / 2
    const top = rows.bounds[0]!
    const count = rows.bounds[2 * height - 2]! + rows.bounds[2 * height - 1]! - top
    const between = new Uint8ClampedArray(count * width * 3)
    horizontal(pixels, start + top * rowBytes, rowBytes, columns, between, count, width)
    const clamped = new Uint8ClampedArray(target.buffer, target.byteOffset, target.length)
    vertical(between, top, rows, clamped, height, width * 3)
  },
  normalise: (pixels, size, flipped, [red, green, blue], out) => {
    const plane = size * size
    const step = flipped ? -1 : 1
    let p = 0
    for (let y = 0; y < size; y++) {
      let o = y * size + (flipped ? size - 1 : 0)
      for (let x = 0; x < size; x++, p += 3, o += step) {
        out[o] = red[pixels[p]!]!
        out[o + plane] = green[pixels[p + 1]!]!
        out[o + 2 * plane] = blue[pixels[p + 2]!]!
      }
    }
  },
  // Two k in each sweep: sweeps over everything are faster than short loops at every pixel
  symmetric: (source, start, stride, kernel, out, outStart, count) => {
    const middle = kernel[0]!
    for (let i = 0; i < count; i++) out[outStart + i] = source[start + i]! * middle
    for (let k = 1; k < kernel.length; k += 2) {
      const near = kernel[k]!
      const far = kernel[k + 1] ?? 0
      const a = k * stride
      const b = k + 1 < kernel.length ? a + stride : a
      for (let i = 0; i < count; i++) {
        const p = start + i
        const inner = Math.fround(source[p - a]! + source[p + a]!)
        const outer = Math.fround(source[p - b]! + source[p + b]!)
        out[outStart + i]! += inner * near + outer * far
      }
    }
  },
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

/** Four rows in each sweep, those behind the last with weight 0. */
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
    const first = bounds[y * 2]! - top
    const length = bounds[y * 2 + 1]!
    const row = (k: number) => (first + Math.min(k, length - 1)) * rowBytes
    const weight = (k: number) => (k < length ? weights[y * stride + k]! : 0)
    for (let k = 0; k < length; k += 4) {
      const [a, b, c, d] = [row(k), row(k + 1), row(k + 2), row(k + 3)]
      const [u, v, w, z] = [weight(k), weight(k + 1), weight(k + 2), weight(k + 3)]
      for (let x = 0; x < rowBytes; x++) {
        const ab = (Math.imul(pixels[a + x]!, u) + Math.imul(pixels[b + x]!, v)) | 0
        const cd = (Math.imul(pixels[c + x]!, w) + Math.imul(pixels[d + x]!, z)) | 0
        sums[x] = (((sums[x]! + ab) | 0) + cd) | 0
      }
    }
    const o = y * rowBytes
    for (let x = 0; x < rowBytes; x++) out[o + x] = sums[x]! >> FRACTION
  }
}
