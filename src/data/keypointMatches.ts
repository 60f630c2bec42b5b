/** Pairs of pictures that share keypoints in the same arrangement: one may be a crop or a copy of the other. */
import type { Keypoints } from './keypoints.js'
import { bitCount } from './perceptualHash.js'

/**
 * How a place in one picture (b) corresponds to one in another (a), in units of each picture's width:
 * a.x = scaleX * b.x + x, a.y = scaleY * b.y + y.
 */
export interface Placement {
  readonly scaleX: number
  readonly scaleY: number
  readonly x: number
  readonly y: number
}

/** Two pictures, a before b, and a guess at how they lie on one another. */
export interface Candidate {
  readonly a: number
  readonly b: number
  readonly placement: Placement
  /** How many keypoints agree on it. */
  readonly agreeing: number
}

const TABLES = 4
/** Most bits, of 64, in which the descriptions of a place may differ. */
const MAX_DISTANCE = 8
/** Buckets with more keypoints hold patterns that are everywhere, such as edges of frames. */
const MAX_BUCKET = 4096
/** Least number of keypoints that agree on a placement. */
const MIN_AGREEING = 6
/** Least share they are of the keypoints of either picture that the other one could have too. Crops reach 0.25 and more. */
const MIN_SHARE = 0.2
/** How far, in widths of picture a, a keypoint may lie from where the placement puts it. */
const TOLERANCE = 0.02

/** The keypoints that are equal in 16 of the 64 bits, one after the other: `words` and `order` stand side by side for speed. */
interface Table {
  /** Where each of the 65,536 values begins. */
  readonly starts: Int32Array
  /** The keypoints; of one value, ordered by picture. */
  readonly order: Int32Array
  /** Two words for each, in this order. */
  readonly words: Int32Array
}

/** The keypoints of all pictures in one list, and for each 16 of the 64 bits a table. */
export interface KeypointIndex {
  readonly all: readonly Keypoints[]
  readonly owner: Int32Array
  /** Where each picture's keypoints begin. */
  readonly first: Int32Array
  readonly words: Int32Array
  readonly tables: readonly Table[]
}

/** The 16 bits that a table looks at. */
const key = (words: Int32Array, keypoint: number, table: number) =>
  (words[keypoint * 2 + (table >> 1)]! >>> ((table & 1) * 16)) & 0xffff

/** Builds the index that `matchesOf` searches. */
export function indexKeypoints(all: readonly Keypoints[]): KeypointIndex {
  const first = new Int32Array(all.length + 1)
  for (const [i, { count }] of all.entries()) first[i + 1] = first[i]! + count
  const total = first[all.length]!
  const owner = new Int32Array(total)
  const words = new Int32Array(total * 2)
  for (const [i, keypoints] of all.entries()) {
    owner.fill(i, first[i], first[i + 1])
    words.set(keypoints.words, first[i]! * 2)
  }
  const tables = Array.from({ length: TABLES }, (_, table) => {
    const starts = new Int32Array(0x10001)
    for (let k = 0; k < total; k++) starts[key(words, k, table) + 1]!++
    for (let i = 0; i < 0x10000; i++) starts[i + 1]! += starts[i]!
    const next = starts.slice()
    const order = new Int32Array(total)
    for (let k = 0; k < total; k++) order[next[key(words, k, table)]!++] = k
    const sorted = new Int32Array(total * 2)
    for (let i = 0; i < total; i++) {
      sorted[i * 2] = words[order[i]! * 2]!
      sorted[i * 2 + 1] = words[order[i]! * 2 + 1]!
    }
    return { starts, order, words: sorted }
  })
  return { all, owner, first, words, tables }
}

/** The candidates whose later picture is `b`. */
export function matchesOf(index: KeypointIndex, b: number): Candidate[] {
  const { owner, first, words, tables } = index
  const matches = new Map<number, number[]>()
  for (let k = first[b]!; k < first[b + 1]!; k++) {
    const low = words[k * 2]!
    const high = words[k * 2 + 1]!
    for (const [table, { starts, order, words: sorted }] of tables.entries()) {
      const bits = key(words, k, table)
      const end = starts[bits + 1]!
      if (end - starts[bits]! > MAX_BUCKET) continue
      for (let i = starts[bits]!; i < end && order[i]! < first[b]!; i++) {
        if (bitCount(low ^ sorted[i * 2]!) + bitCount(high ^ sorted[i * 2 + 1]!) > MAX_DISTANCE) continue
        const other = order[i]!
        if (seenBefore(words, k, other, table)) continue
        const a = owner[other]!
        const list = matches.get(a)
        if (list === undefined) matches.set(a, [other, k])
        else list.push(other, k)
      }
    }
  }
  const candidates: Candidate[] = []
  for (const [a, pairs] of matches) {
    if (pairs.length < 2 * MIN_AGREEING) continue
    const found = agreement(index, a, b, pairs)
    if (found !== undefined) candidates.push({ a, b, ...found })
  }
  return candidates
}

function seenBefore(words: Int32Array, k: number, other: number, table: number): boolean {
  for (let earlier = 0; earlier < table; earlier++) {
    if (key(words, k, earlier) === key(words, other, earlier)) return true
  }
  return false
}

/** The placement that most matches agree on, fitted to them, if there are enough. */
function agreement(
  index: KeypointIndex,
  a: number,
  b: number,
  pairs: readonly number[],
): Pick<Candidate, 'placement' | 'agreeing'> | undefined {
  const count = pairs.length / 2
  const [of, to] = [index.all[a]!, index.all[b]!]
  const ax = pairs.flatMap((keypoint, i) => (i % 2 === 0 ? [of.x[keypoint - index.first[a]!]!] : []))
  const ay = pairs.flatMap((keypoint, i) => (i % 2 === 0 ? [of.y[keypoint - index.first[a]!]!] : []))
  const bx = pairs.flatMap((keypoint, i) => (i % 2 === 1 ? [to.x[keypoint - index.first[b]!]!] : []))
  const by = pairs.flatMap((keypoint, i) => (i % 2 === 1 ? [to.y[keypoint - index.first[b]!]!] : []))
  const thatFit = (scale: number, x: number, y: number): number[] => {
    const result: number[] = []
    for (let m = 0; m < count; m++) {
      const dx = scale * bx[m]! + x - ax[m]!
      const dy = scale * by[m]! + y - ay[m]!
      if (dx * dx + dy * dy < TOLERANCE ** 2) result.push(m)
    }
    return result
  }
  let best: number[] = []
  const hypotheses = Math.min(count, 24)
  for (let i = 0; i < hypotheses; i++) {
    for (let j = i + 1; j < hypotheses; j++) {
      const far = Math.hypot(bx[i]! - bx[j]!, by[i]! - by[j]!)
      if (far < 0.1) continue
      const scale = Math.hypot(ax[i]! - ax[j]!, ay[i]! - ay[j]!) / far
      if (scale < 0.1 || scale > 10) continue
      const x = (ax[i]! + ax[j]! - scale * (bx[i]! + bx[j]!)) / 2
      const y = (ay[i]! + ay[j]! - scale * (by[i]! + by[j]!)) / 2
      const found = thatFit(scale, x, y)
      if (found.length > best.length) best = found
    }
  }
  const distinct = (side: 0 | 1) => new Set(best.map(m => pairs[m * 2 + side])).size
  const agreeing = Math.min(distinct(0), distinct(1))
  if (agreeing < MIN_AGREEING) return undefined
  const placement = fitted(best, ax, ay, bx, by)
  const possible = Math.min(inside(to, of, placement), inside(of, to, inverse(placement)))
  return agreeing < MIN_SHARE * possible ? undefined : { placement, agreeing }
}

/** How many keypoints of a picture lie on another one. */
function inside(points: Keypoints, other: Keypoints, { scaleX, scaleY, x, y }: Placement): number {
  let count = 0
  for (let i = 0; i < points.count; i++) {
    const px = scaleX * points.x[i]! + x
    const py = scaleY * points.y[i]! + y
    if (px > 0 && px < 1 && py > 0 && py < other.height) count++
  }
  return count
}

const inverse = ({ scaleX, scaleY, x, y }: Placement): Placement => ({
  scaleX: 1 / scaleX,
  scaleY: 1 / scaleY,
  x: -x / scaleX,
  y: -y / scaleY,
})

/** Least squares for one scale and a shift. */
function fitted(
  which: readonly number[],
  ax: readonly number[],
  ay: readonly number[],
  bx: readonly number[],
  by: readonly number[],
): Placement {
  const mean = (values: readonly number[]) => which.reduce((sum, m) => sum + values[m]!, 0) / which.length
  const [mx, my, nx, ny] = [mean(ax), mean(ay), mean(bx), mean(by)]
  let across = 0
  let within = 0
  for (const m of which) {
    across += (ax[m]! - mx) * (bx[m]! - nx) + (ay[m]! - my) * (by[m]! - ny)
    within += (bx[m]! - nx) ** 2 + (by[m]! - ny) ** 2
  }
  const scale = across / within
  return { scaleX: scale, scaleY: scale, x: mx - scale * nx, y: my - scale * ny }
}
