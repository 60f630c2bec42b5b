/** Lays one picture on another and says how well they agree: the check that tells copies and crops from look-alikes. */

import type { GrayImage } from '../decode/thumbnail.js'
import { type Grid, sampled } from './grid.js'
import type { Placement } from './keypointMatches.js'

/** How two pictures agree where they overlap. */
export interface Overlay {
  /** The placement, refined. */
  readonly placement: Placement
  /** Correlation of brightness, from -1 to 1. */
  readonly correlation: number
  /** Correlation of fine detail: brightness less its local mean. */
  readonly detail: number
  /** Of the parts of the overlap that show anything, the share whose detail agrees. */
  readonly agreeing: number
  /** How much of each picture the overlap covers, from 0 to 1. */
  readonly coverA: number
  readonly coverB: number
}

/** Share of the overlap's side that is left out at each edge: borders differ, and the placement is only a guess. */
const MARGIN = 0.03
const MIN_SIDE = 8
/** Correlation after the first steps below which refining is given up; at the start, half of it. */
const HOPELESS = 0.7
/** Cells along the longer side in which detail is compared. */
const CELLS = 6
/** Standard deviation, in brightness steps, below which a cell's detail is noise. */
const FLAT = 2
/** Correlation at which a cell's detail agrees. */
const CELL_AGREES = 0.6

/** The placement of a whole picture on a whole one, whatever their proportions. */
export function wholeOnWhole(a: GrayImage, b: GrayImage): Placement {
  return { scaleX: 1, scaleY: (a.height * b.width) / (a.width * b.height), x: 0, y: 0 }
}

/**
 * Refines a placement, by steps of `reach` grid points at first, and compares the pictures; undefined where they hardly overlap.
 */
export function overlay(a: GrayImage, b: GrayImage, guess: Placement, reach = 1): Overlay | undefined {
  const grid = gridOf(a, b, guess)
  if (grid === undefined) return undefined
  const still: Placement = { scaleX: 1, scaleY: 1, x: 0, y: 0 }
  const fixed = sampled(b, still, grid)
  const placement = refined(a, fixed, guess, grid, reach)
  const moved = sampled(a, placement, grid)
  const fineFixed = detailOf(fixed, grid)
  const fineMoved = detailOf(moved, grid)
  const ratioB = b.height / b.width
  const cover = overlapOf(a, b, placement)
  const area = Math.max(0, cover.right - cover.left) * Math.max(0, cover.bottom - cover.top)
  return {
    placement,
    correlation: correlation(fixed, moved),
    detail: correlation(fineFixed, fineMoved),
    agreeing: agreeingCells(fineFixed, fineMoved, grid),
    coverA: Math.min(1, (area * placement.scaleX * placement.scaleY * a.width) / a.height),
    coverB: Math.min(1, area / ratioB),
  }
}

/** The rectangle of b that lies on a, in units of b's width. */
function overlapOf(a: GrayImage, b: GrayImage, { scaleX, scaleY, x, y }: Placement) {
  return {
    left: Math.max(0, -x / scaleX),
    top: Math.max(0, -y / scaleY),
    right: Math.min(1, (1 - x) / scaleX),
    bottom: Math.min(b.height / b.width, (a.height / a.width - y) / scaleY),
  }
}

function gridOf(a: GrayImage, b: GrayImage, placement: Placement): Grid | undefined {
  const { left, top, right, bottom } = overlapOf(a, b, placement)
  const scale = Math.min(placement.scaleX, placement.scaleY)
  const step = Math.max(1 / b.width, 1 / (a.width * scale))
  const width = (right - left) * (1 - 2 * MARGIN)
  const height = (bottom - top) * (1 - 2 * MARGIN)
  const columns = Math.floor(width / step)
  const rows = Math.floor(height / step)
  if (!(columns >= MIN_SIDE && rows >= MIN_SIDE)) return undefined
  return { left: left + (right - left) * MARGIN, top: top + (bottom - top) * MARGIN, step, columns, rows }
}

/**
 * Climbs to the best correlation: shifts and stretches by ever smaller steps, down to a quarter of a pixel; gives up where
 * the first steps lead nowhere.
 */
function refined(a: GrayImage, fixed: Float32Array, guess: Placement, grid: Grid, reach: number): Placement {
  const { left, top, step, columns, rows } = grid
  const [cx, cy] = [left + (step * columns) / 2, top + (step * rows) / 2]
  // Stretching keeps the middle of the overlap in place, so that it does not undo a shift
  const changed = (p: Placement, dx: number, dy: number, fx: number, fy: number): Placement => ({
    scaleX: p.scaleX * fx,
    scaleY: p.scaleY * fy,
    x: p.x + dx * p.scaleX + p.scaleX * (1 - fx) * cx,
    y: p.y + dy * p.scaleY + p.scaleY * (1 - fy) * cy,
  })
  let best = guess
  const moved = new Float32Array(fixed.length)
  let score = correlation(fixed, sampled(a, best, grid, moved))
  if (score < HOPELESS / 2) return best
  for (let pixels = reach; pixels > 0.2; pixels /= 2) {
    const d = pixels * step
    const [fx, fy] = [1 + (2 * pixels) / columns, 1 + (2 * pixels) / rows]
    for (let round = 0; round < 4; round++) {
      let better = false
      for (const directions of [
        [
          [d, 0, 1, 1],
          [-d, 0, 1, 1],
        ],
        [
          [0, d, 1, 1],
          [0, -d, 1, 1],
        ],
        [
          [0, 0, fx, fy],
          [0, 0, 1 / fx, 1 / fy],
        ],
        [
          [0, 0, fx, 1 / fy],
          [0, 0, 1 / fx, fy],
        ],
      ] as const) {
        for (const [dx, dy, sx, sy] of directions) {
          const next = changed(best, dx, dy, sx, sy)
          const value = correlation(fixed, sampled(a, next, grid, moved))
          if (value <= score) continue
          best = next
          score = value
          better = true
          // Where one way is up, the other is down
          break
        }
      }
      if (score < HOPELESS / 2 + (round * HOPELESS) / 6) break
      if (!better) break
    }
    if (score < HOPELESS) break
  }
  return best
}

/** Pearson's correlation; 0 where one side is constant. */
function correlation(p: Float32Array, q: Float32Array): number {
  let [sp, sq, pp, qq, pq] = [0, 0, 0, 0, 0]
  for (let i = 0; i < p.length; i++) {
    const u = p[i]!
    const v = q[i]!
    sp += u
    sq += v
    pp += u * u
    qq += v * v
    pq += u * v
  }
  const n = p.length
  const spread = Math.sqrt(Math.max(0, pp - (sp * sp) / n) * Math.max(0, qq - (sq * sq) / n))
  return spread > 1e-3 * n ? (pq - (sp * sq) / n) / spread : 0
}

/** Brightness less the mean of the 5 x 5 neighbourhood. */
function detailOf(pixels: Float32Array, { columns, rows }: Grid): Float32Array {
  const out = new Float32Array(pixels.length)
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      let sum = 0
      let count = 0
      for (let j = Math.max(0, y - 2); j <= Math.min(rows - 1, y + 2); j++) {
        for (let i = Math.max(0, x - 2); i <= Math.min(columns - 1, x + 2); i++, count++)
          sum += pixels[j * columns + i]!
      }
      out[y * columns + x] = pixels[y * columns + x]! - sum / count
    }
  }
  return out
}

/** The share of cells with detail, on either side, in which it agrees; 0 where no cell has any. */
function agreeingCells(p: Float32Array, q: Float32Array, { columns, rows }: Grid): number {
  const side = Math.max(MIN_SIDE, Math.ceil(Math.max(columns, rows) / CELLS))
  let shown = 0
  let agree = 0
  for (let top = 0; top + side / 2 <= rows; top += side) {
    for (let left = 0; left + side / 2 <= columns; left += side) {
      const cell = (of: Float32Array) => {
        const values: number[] = []
        for (let y = top; y < Math.min(rows, top + side); y++) {
          for (let x = left; x < Math.min(columns, left + side); x++) values.push(of[y * columns + x]!)
        }
        return Float32Array.from(values)
      }
      const [u, v] = [cell(p), cell(q)]
      if (Math.max(spread(u), spread(v)) < FLAT) continue
      shown++
      if (correlation(u, v) >= CELL_AGREES) agree++
    }
  }
  return shown === 0 ? 0 : agree / shown
}

/** The standard deviation of values. */
export function spread(values: Float32Array): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  const mean = sum / values.length
  let squares = 0
  for (let i = 0; i < values.length; i++) squares += (values[i]! - mean) ** 2
  return Math.sqrt(squares / values.length)
}
