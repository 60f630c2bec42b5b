/** Gaussian blurs and halvings of gray pictures: the steps of a scale space. */
import { pixelLoops } from '../decode/pixelLoops.js'
import type { GrayImage } from '../decode/thumbnail.js'

/** The picture under a Gaussian of `sigma` pixels; edges are continued. */
export function blurred({ width, height, pixels }: GrayImage, sigma: number): GrayImage {
  const radius = Math.ceil(2.5 * sigma)
  const kernel = Float32Array.from({ length: radius + 1 }, (_, i) => Math.exp(-(i * i) / (2 * sigma * sigma)))
  const sum = kernel.reduce((a, b) => a + 2 * b, -kernel[0]!)
  for (let i = 0; i <= radius; i++) kernel[i]! /= sum
  // Rows with their continued edges in one piece: what the filter makes of the edges themselves is not read
  const wide = width + 2 * radius
  const padded = new Float32Array(wide * (height + 2 * radius))
  for (let y = 0; y < height; y++) {
    const row = y * width
    const at = (y + radius) * wide
    padded.fill(pixels[row]!, at, at + radius)
    padded.set(pixels.subarray(row, row + width), at + radius)
    padded.fill(pixels[row + width - 1]!, at + radius + width, at + wide)
  }
  const between = new Float32Array(padded.length)
  const first = radius * wide
  const { symmetric } = pixelLoops()
  symmetric(padded, first + radius, 1, kernel, between, first + radius, wide * height - 2 * radius)
  for (let y = 0; y < radius; y++) {
    between.copyWithin(y * wide, first, first + wide)
    between.copyWithin((height + radius + y) * wide, first + (height - 1) * wide, first + height * wide)
  }
  symmetric(between, first, wide, kernel, padded, 0, wide * height)
  const out = new Float32Array(width * height)
  for (let y = 0; y < height; y++) {
    out.set(padded.subarray(y * wide + radius, y * wide + radius + width), y * width)
  }
  return { width, height, pixels: out }
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
