/** Gaussian blurs and halvings of gray pictures: the steps of a scale space. */
import type { GrayImage } from './thumbnail.js'

/** The picture under a Gaussian of `sigma` pixels; edges are continued. */
export function blurred({ width, height, pixels }: GrayImage, sigma: number): GrayImage {
  const radius = Math.ceil(2.5 * sigma)
  const kernel = Float32Array.from({ length: radius + 1 }, (_, i) => Math.exp(-(i * i) / (2 * sigma * sigma)))
  const sum = kernel.reduce((a, b) => a + 2 * b, -kernel[0]!)
  for (let i = 0; i <= radius; i++) kernel[i]! /= sum
  const padded = new Float32Array(width + 2 * radius)
  const between = new Float32Array(width * height)
  for (let y = 0; y < height; y++) {
    const row = y * width
    padded.fill(pixels[row]!, 0, radius)
    padded.set(pixels.subarray(row, row + width), radius)
    padded.fill(pixels[row + width - 1]!, radius + width)
    weighted(padded, radius, 1, kernel, between, row, width)
  }
  const out = new Float32Array(width * height)
  const column = new Float32Array((height + 2 * radius) * width)
  for (let y = -radius; y < height + radius; y++) {
    const from = Math.max(0, Math.min(height - 1, y)) * width
    column.set(between.subarray(from, from + width), (y + radius) * width)
  }
  weighted(column, radius * width, width, kernel, out, 0, width * height)
  return { width, height, pixels: out }
}

/** out[o + i] becomes the sum of kernel[k] * (source[s + i - k * stride] + source[s + i + k * stride]), k from 0, the middle once. */
function weighted(
  source: Float32Array,
  s: number,
  stride: number,
  kernel: Float32Array,
  out: Float32Array,
  o: number,
  count: number,
): void {
  const middle = kernel[0]!
  for (let i = 0; i < count; i++) {
    let value = source[s + i]! * middle
    let before = s + i
    let after = before
    for (let k = 1; k < kernel.length; k++) {
      before -= stride
      after += stride
      value += (source[before]! + source[after]!) * kernel[k]!
    }
    out[o + i] = value
  }
}

/** Half as wide and high: means of 2 x 2 pixels. */
export function halved({ width, height, pixels }: GrayImage): GrayImage {
  const w = width >> 1
  const h = height >> 1
  const out = new Float32Array(w * h)
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const at = 2 * y * width + 2 * x
      out[y * w + x] = (pixels[at]! + pixels[at + 1]! + pixels[at + width]! + pixels[at + width + 1]!) / 4
    }
  }
  return { width: w, height: h, pixels: out }
}
