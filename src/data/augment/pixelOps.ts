/** Changes of tone and sharpness on RGB bytes, exactly as PIL computes them; each returns new pixels. */
import type { RgbImage } from '../decode/decode.js'

/** Applies one table of 256 bytes to each channel. */
function mapped(image: RgbImage, tables: readonly [Uint8Array, Uint8Array, Uint8Array]): RgbImage {
  const pixels = new Uint8Array(image.pixels.length)
  for (let i = 0; i < pixels.length; i += 3) {
    for (let c = 0; c < 3; c++) pixels[i + c] = tables[c]![image.pixels[i + c]!]!
  }
  return { ...image, pixels }
}

const table = (value: (i: number) => number) => Uint8Array.from({ length: 256 }, (_, i) => value(i))

/** Keeps the `bits` highest bits of each byte (ImageOps.posterize). */
export function posterize(image: RgbImage, bits: number): RgbImage {
  const same = table(i => i & (0xff00 >> bits))
  return mapped(image, [same, same, same])
}

/** Inverts values from `threshold` on (ImageOps.solarize). */
export function solarize(image: RgbImage, threshold: number): RgbImage {
  const same = table(i => (i < threshold ? i : 255 - i))
  return mapped(image, [same, same, same])
}

/** Stretches each channel to the full range (ImageOps.autocontrast, cutoff 0). */
export function autocontrast(image: RgbImage): RgbImage {
  return mapped(
    image,
    perChannel(image, counts => {
      const low = counts.findIndex(count => count > 0)
      const high = counts.findLastIndex(count => count > 0)
      if (high <= low) return table(i => i)
      const scale = 255 / (high - low)
      return table(i => Math.max(0, Math.min(255, Math.trunc(i * scale - low * scale))))
    }),
  )
}

/** Gives each channel a flat histogram, as far as that can be (ImageOps.equalize). */
export function equalize(image: RgbImage): RgbImage {
  return mapped(
    image,
    perChannel(image, counts => {
      const last = counts[counts.findLastIndex(count => count > 0)]!
      const step = Math.floor((image.width * image.height - last) / 255)
      if (step === 0) return table(i => i)
      let sum = step >> 1
      return table(i => {
        const value = Math.min(255, Math.floor(sum / step))
        sum += counts[i]!
        return value
      })
    }),
  )
}

function perChannel(
  { pixels }: RgbImage,
  make: (counts: readonly number[]) => Uint8Array,
): readonly [Uint8Array, Uint8Array, Uint8Array] {
  const of = (channel: number) => {
    const counts = new Array<number>(256).fill(0)
    for (let i = channel; i < pixels.length; i += 3) counts[pixels[i]!]!++
    return make(counts)
  }
  return [of(0), of(1), of(2)]
}

/** ITU-R 601 brightness of a pixel in PIL's fixed point (convert('L')). */
const luma = (pixels: Uint8Array, i: number) =>
  (pixels[i]! * 19595 + pixels[i + 1]! * 38470 + pixels[i + 2]! * 7471 + 0x8000) >> 16

/** From black (factor 0) through the image (1) to brighter (ImageEnhance.Brightness). */
export function brightness(image: RgbImage, factor: number): RgbImage {
  return blended(image, factor, () => 0)
}

/** From the mean gray (factor 0) through the image (1) to more contrast (ImageEnhance.Contrast). */
export function contrast(image: RgbImage, factor: number): RgbImage {
  let sum = 0
  for (let i = 0; i < image.pixels.length; i += 3) sum += luma(image.pixels, i)
  const mean = Math.floor(sum / (image.width * image.height) + 0.5)
  return blended(image, factor, () => mean)
}

/** From gray (factor 0) through the image (1) to more colour (ImageEnhance.Color). */
export function saturation(image: RgbImage, factor: number): RgbImage {
  return blended(image, factor, i => luma(image.pixels, i - (i % 3)))
}

/** From smoothed (factor 0) through the image (1) to sharper (ImageEnhance.Sharpness). */
export function sharpness(image: RgbImage, factor: number): RgbImage {
  const { width, height, pixels } = image
  const row = width * 3
  return blended(image, factor, i => {
    const y = Math.floor(i / row)
    const x = i % row
    if (y === 0 || y === height - 1 || x < 3 || x >= row - 3) return pixels[i]!
    let sum = pixels[i]! * 4
    for (let at = i - row - 3; at <= i + row - 3; at += row) sum += pixels[at]! + pixels[at + 3]! + pixels[at + 6]!
    return Math.floor(sum / 13 + 0.5)
  })
}

/** base + factor * (pixel - base) in single precision, cut off to 0 to 255 and truncated (Image.blend). */
function blended({ width, height, pixels }: RgbImage, factor: number, base: (i: number) => number): RgbImage {
  const out = new Uint8Array(pixels.length)
  const alpha = Math.fround(factor)
  for (let i = 0; i < out.length; i++) {
    const from = base(i)
    const value = Math.fround(from + Math.fround(alpha * (pixels[i]! - from)))
    out[i] = value <= 0 ? 0 : value >= 255 ? 255 : Math.trunc(value)
  }
  return { width, height, pixels: out }
}
