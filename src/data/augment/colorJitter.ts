/** Random brightness, contrast, saturation and hue, as torchvision's ColorJitter on PIL images. */
import { type RandomStream, shuffled } from '../../base/random.js'
import type { RgbImage } from '../decode/decode.js'
import { brightness, contrast, saturation } from './pixelOps.js'

const { fround } = Math

/** Greatest changes; 0 leaves a property as it is. */
export interface ColorJitter {
  /** Factors are drawn from max(0, 1 - value) to 1 + value. */
  readonly brightness: number
  readonly contrast: number
  readonly saturation: number
  /** Up to 0.5, which is half of the colour circle in either direction. */
  readonly hue: number
}

/** The jitter for one strength, in the proportions of SimCLR (Chen et al. 2020): hue changes by a quarter of it, at most 0.5. */
export const jitterOf = (strength: number): ColorJitter => ({
  brightness: strength,
  contrast: strength,
  saturation: strength,
  hue: Math.min(0.5, strength / 4),
})

/** The four changes in random order; the given pixels stay as they are. */
export function colorJitter(image: RgbImage, jitter: ColorJitter, random: RandomStream): RgbImage {
  const factor = (range: number) => {
    const low = Math.max(0, 1 - range)
    return low + (1 + range - low) * random.next()
  }
  const changes = [
    (of: RgbImage) => brightness(of, factor(jitter.brightness)),
    (of: RgbImage) => contrast(of, factor(jitter.contrast)),
    (of: RgbImage) => saturation(of, factor(jitter.saturation)),
    (of: RgbImage) => turnHue(of, jitter.hue * (2 * random.next() - 1)),
  ]
  return shuffled(changes, random).reduce((result, change) => change(result), image)
}

/** Turns every colour by a part of the colour circle, through PIL's 8-bit HSV (Convert.c, in its single precision), which costs a little precision. */
export function turnHue({ width, height, pixels }: RgbImage, turn: number): RgbImage {
  const shift = Math.trunc(turn * 255) & 255
  const out = new Uint8Array(pixels.length)
  for (let i = 0; i < pixels.length; i += 3) {
    const [r, g, b] = [pixels[i]!, pixels[i + 1]!, pixels[i + 2]!]
    const high = Math.max(r, g, b)
    const range = high - Math.min(r, g, b)
    if (range === 0) {
      out.fill(high, i, i + 3)
      continue
    }
    const hue = (hueByte(r, g, b, high, range) + shift) & 255
    const share = fround(Math.trunc(fround(range / high) * 255) / 255)
    const sector = Math.floor((hue * 6) / 255)
    const f = fround((hue * 6) / 255 - sector)
    const p = Math.round(high * (1 - share))
    const q = Math.round(high * (1 - share * f))
    const t = Math.round(high * (1 - share * (1 - f)))
    out[i] = sector === 1 ? q : sector === 2 || sector === 3 ? p : sector === 4 ? t : high
    out[i + 1] = sector === 0 || sector === 6 ? t : sector < 3 ? high : sector === 3 ? q : p
    out[i + 2] = sector === 2 ? t : sector === 3 || sector === 4 ? high : sector === 5 ? q : p
  }
  return { width, height, pixels: out }
}

function hueByte(r: number, g: number, b: number, high: number, range: number): number {
  const part = (value: number) => fround((high - value) / range)
  const h = r === high ? part(b) - part(g) : g === high ? 2 + part(r) - part(b) : 4 + part(g) - part(r)
  return Math.trunc(fround((fround(h) / 6 + 1) % 1) * 255)
}
