/** Reads a gray picture on a grid that lies on it in some scale and place. */

import type { GrayImage } from '../decode/thumbnail.js'
import type { Placement } from './keypointMatches.js'

/** A rectangle of a picture, in units of its width, and the points in it: `columns` x `rows`, `step` apart. */
export interface Grid {
  readonly left: number
  readonly top: number
  readonly step: number
  readonly columns: number
  readonly rows: number
}

/** Rows between the two passes of `sampled`, kept from call to call. */
let scratch = new Float32Array()

/**
 * The picture's brightness at the points to which `placement` takes those of the grid, averaged where the grid is coarser
 * than its pixels; columns * rows values, row by row.
 * @param out where to write
 */
export function sampled(
  image: GrayImage,
  { scaleX, scaleY, x, y }: Placement,
  grid: Grid,
  out = new Float32Array(grid.columns * grid.rows),
): Float32Array {
  const { left, top, step, columns, rows } = grid
  const { width, height, pixels } = image
  const across = taps(width, left * scaleX + x, step * scaleX, columns, width)
  const down = taps(height, top * scaleY + y, step * scaleY, rows, width)
  const firstRow = down.from[0]!
  const length = (down.from[rows - 1]! + down.stride - firstRow) * columns
  if (scratch.length < length) scratch = new Float32Array(length)
  const between = scratch
  for (let o = 0, row = firstRow * width; o < length; o += columns, row += width) {
    const { from, weights, stride } = across
    for (let i = 0, w = 0; i < columns; i++) {
      let sum = 0
      for (let at = row + from[i]!, end = at + stride; at < end; at++, w++) sum += pixels[at]! * weights[w]!
      between[o + i] = sum
    }
  }
  out.fill(0)
  const { from, weights, stride } = down
  for (let j = 0, w = 0; j < rows; j++) {
    const o = j * columns
    for (let k = 0, row = (from[j]! - firstRow) * columns; k < stride; k++, w++, row += columns) {
      const weight = weights[w]!
      if (weight === 0) continue
      for (let i = 0; i < columns; i++) out[o + i]! += between[row + i]! * weight
    }
  }
  return out
}

/**
 * Triangle filters, at least a pixel and otherwise a grid step wide, around each point of the grid: for each the first
 * pixel and the weights of `stride` pixels from there, all of which exist.
 */
function taps(length: number, start: number, step: number, count: number, unit: number) {
  const reach = Math.max(1, step * unit)
  const stride = Math.min(length, Math.ceil(2 * reach) + 1)
  const from = new Int32Array(count)
  const weights = new Float32Array(count * stride)
  for (let i = 0; i < count; i++) {
    const centre = (start + (i + 0.5) * step) * unit - 0.5
    const first = Math.max(0, Math.min(length - stride, Math.ceil(centre - reach)))
    let sum = 0
    for (let k = 0; k < stride; k++) {
      const weight = Math.max(0, 1 - Math.abs(first + k - centre) / reach)
      weights[i * stride + k] = weight
      sum += weight
    }
    // A point beyond the edge has the edge's brightness
    if (sum === 0) weights[i * stride + (centre < 0 ? 0 : stride - 1)] = sum = 1
    for (let k = 0; k < stride; k++) weights[i * stride + k]! /= sum
    from[i] = first
  }
  return { from, weights, stride }
}
