/** The eight ways in which a picture can be turned by quarters and mirrored. */
import type { GrayImage } from '../decode/thumbnail.js'

/**
 * A picture's orientation, from 0 (as it is) to 7: bit 0 mirrors left and right, then bit 1 top and bottom, then bit 2
 * swaps rows and columns. An odd number of bits is a mirror image, an even one a turn.
 */
export type Orientation = number
export const ORIENTATIONS = 8

/** Whether it shows the picture as in a mirror, turned or not. */
export const isMirrored = (orientation: Orientation): boolean => [1, 2, 4, 7].includes(orientation)

/** The picture in an orientation. */
export function oriented(image: GrayImage, orientation: Orientation): GrayImage {
  if (orientation === 0) return image
  const { width, height, pixels } = image
  const swapped = (orientation & 4) !== 0
  const out = new Float32Array(pixels.length)
  for (let y = 0, at = 0; y < height; y++) {
    const row = orientation & 2 ? height - 1 - y : y
    for (let x = 0; x < width; x++, at++) {
      const column = orientation & 1 ? width - 1 - x : x
      out[swapped ? column * height + row : row * width + column] = pixels[at]!
    }
  }
  return swapped ? { width: height, height: width, pixels: out } : { width, height, pixels: out }
}

/**
 * The cosine transform of a picture in an orientation, from that of the picture as it is: mirroring changes the sign of odd
 * frequencies. Square, row by row, of frequencies from `lowest` on.
 */
export function orientedFrequencies(
  values: Float64Array,
  side: number,
  lowest: 0 | 1,
  orientation: Orientation,
): Float64Array {
  const out = new Float64Array(values.length)
  for (let v = 0; v < side; v++) {
    for (let u = 0; u < side; u++) {
      const odd = (orientation & 1 & (u + lowest)) ^ ((orientation >> 1) & 1 & (v + lowest))
      const value = values[v * side + u]!
      out[orientation & 4 ? u * side + v : v * side + u] = odd ? -value : value
    }
  }
  return out
}
