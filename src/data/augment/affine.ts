/** Shears, shifts and rotations of RGB bytes with the nearest pixel, exactly as PIL computes them; what is uncovered is black. */
import type { RgbImage } from '../decode/decode.js'

/** Where an output pixel comes from: x = a * x' + b * y' + c, y = d * x' + e * y' + f, at pixel centres. */
type Matrix = readonly [a: number, b: number, c: number, d: number, e: number, f: number]

/** Moves each row by `amount` times its distance from the top, to the left if that is positive. */
export const shearX = (image: RgbImage, amount: number): RgbImage => transformed(image, [1, amount, 0, 0, 1, 0])

/** Moves each column by `amount` times its distance from the left, up if that is positive. */
export const shearY = (image: RgbImage, amount: number): RgbImage => transformed(image, [1, 0, 0, amount, 1, 0])

/** Moves the image by whole pixels, to the right and down. */
export const translate = (image: RgbImage, right: number, down: number): RgbImage =>
  transformed(image, [1, 0, -right, 0, 1, -down])

/** Turns the image counterclockwise about its centre. */
export function rotate(image: RgbImage, degrees: number): RgbImage {
  const angle = (-degrees * Math.PI) / 180
  // PIL rounds to 15 places, so that right angles are exact
  const rounded = (value: number) => Math.round(value * 1e15) / 1e15
  const cos = rounded(Math.cos(angle))
  const sin = rounded(Math.sin(angle))
  const [cx, cy] = [image.width / 2, image.height / 2]
  return transformed(image, [cos, sin, cx - cos * cx - sin * cy, -sin, cos, cy + sin * cx - cos * cy])
}

/** PIL's 16.16 fixed point (Geometry.c, affine_fixed). */
function transformed({ width, height, pixels }: RgbImage, [a, b, c, d, e, f]: Matrix): RgbImage {
  const fixed = (value: number) => Math.floor(value * 65536 + 0.5)
  const [stepA, stepB, stepD, stepE] = [fixed(a), fixed(b), fixed(d), fixed(e)]
  const out = new Uint8Array(pixels.length)
  let rowX = fixed(c + a * 0.5 + b * 0.5)
  let rowY = fixed(f + d * 0.5 + e * 0.5)
  for (let y = 0, o = 0; y < height; y++, rowX += stepB, rowY += stepE) {
    let x16 = rowX
    let y16 = rowY
    for (let x = 0; x < width; x++, o += 3, x16 += stepA, y16 += stepD) {
      const fromX = x16 >> 16
      const fromY = y16 >> 16
      if (fromX < 0 || fromX >= width || fromY < 0 || fromY >= height) continue
      const i = (fromY * width + fromX) * 3
      out[o] = pixels[i]!
      out[o + 1] = pixels[i + 1]!
      out[o + 2] = pixels[i + 2]!
    }
  }
  return { width, height, pixels: out }
}
