/** Pairs of pictures that share keypoints in the same arrangement: one may be a crop or a copy of the other. */
import type { Places } from './keypoints.js'
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

/** The keypoints in order of 16 of their 64 bits: those that are equal there, and so may be close, stand side by side. */
interface Table {
  /** Where each of the 65,536 values begins. */
  readonly starts: Int32Array
  /** Where those of each value end that have been entered. */
  readonly filled: Int32Array
  /** The keypoints that have been entered. */
  readonly order: Int32Array
  /** In this order the word that holds the 16 bits, and the other one: they stand side by side for speed. */
  readonly own: Int32Array
  readonly other: Int32Array
}

/** The keypoints of all pictures in one list, and for each 16 of the 64 bits a table. */
export interface KeypointIndex {
  readonly all: readonly Places[]
  readonly owner: Int32Array
  /** Where each picture's keypoints begin. */
  readonly first: Int32Array
  readonly words: Int32Array
  readonly tables: readonly Table[]
}

/** The 16 bits that a table looks at. */
const key = (words: Int32Array, keypoint: number, table: number) =>
  (words[keypoint * 2 + (table >> 1)]! >>> ((table & 1) * 16)) & 0xffff

/** Builds the index that `matchesOf` searches, with room for all, none of them entered. */
export function indexKeypoints(all: readonly Places[]): KeypointIndex {
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
    const [order, own, other] = [new Int32Array(total), new Int32Array(total), new Int32Array(total)]
    return { starts, filled: starts.slice(0, 0x10000), order, own, other }
  })
  return { all, owner, first, words, tables }
}

/** Enters a picture's keypoints: those asked for later are compared with it. */
export function enter({ first, words, tables }: KeypointIndex, picture: number): void {
  for (const [table, { filled, order, own, other }] of tables.entries()) {
    for (let k = first[picture]!; k < first[picture + 1]!; k++) {
      const at = filled[key(words, k, table)]!++
      order[at] = k
      own[at] = words[k * 2 + (table >> 1)]!
      other[at] = words[k * 2 + 1 - (table >> 1)]!
    }
  }
}

/** The pictures entered that a picture `b` may show, given its places, or those of it in another orientation. */
export function matchesOf(index: KeypointIndex, b: number, places: Places): Candidate[] {
  const lists = closePlaces(index, places)
  const candidates: Candidate[] = []
  for (const [a, pairs] of lists) {
    const found = agreement(index.all[a]!, index.first[a]!, places, pairs)
    if (found !== undefined) candidates.push({ a, b, ...found })
  }
  return candidates
}

/** Pairs of keypoints that are alike, of pictures entered and of the given ones, by picture; only pictures with enough of them to agree. */
function closePlaces(index: KeypointIndex, { words, count }: Places): Map<number, number[]> {
  const { owner, tables } = index
  // Those like the first keypoint, then those like the second, and where they end
  let found = new Int32Array(1 << 14)
  const ends = new Int32Array(count)
  let length = 0
  for (let k = 0; k < count; k++) {
    for (let table = 0; table < TABLES; table++) {
      const side = tables[table]!
      const bits = key(words, k, table)
      const [from, to] = [side.starts[bits]!, side.filled[bits]!]
      if (from === to || side.starts[bits + 1]! - from > MAX_BUCKET) continue
      if (length + to - from > found.length) found = grown(found, length + to - from)
      length = alike(words, k, table, side, from, to, found, length)
    }
    ends[k] = length
  }
  // Nearly all pictures have a few such pairs by chance: they are counted, and only those that matter get a list
  const counts = new Uint16Array(index.all.length)
  for (let i = 0; i < length; i++) counts[owner[found[i]!]!]!++
  const lists = new Map<number, number[]>()
  for (let k = 0, i = 0; k < count; k++) {
    for (; i < ends[k]!; i++) {
      const a = owner[found[i]!]!
      if (counts[a]! < MIN_AGREEING) continue
      const list = lists.get(a)
      if (list === undefined) lists.set(a, [found[i]!, k])
      else list.push(found[i]!, k)
    }
  }
  return lists
}

/** Writes those between two places of a table that are close to a keypoint, and were not found by an earlier table; the result is where they end. */
function alike(
  words: Int32Array,
  keypoint: number,
  table: number,
  { own, other, order }: Table,
  from: number,
  to: number,
  found: Int32Array,
  length: number,
): number {
  const ownWord = words[keypoint * 2 + (table >> 1)]!
  const otherWord = words[keypoint * 2 + 1 - (table >> 1)]!
  for (let i = from; i < to; i++) {
    const otherBits = otherWord ^ other[i]!
    // Says no to most at once
    const otherCount = bitCount(otherBits)
    if (otherCount > MAX_DISTANCE) continue
    const ownBits = ownWord ^ own[i]!
    if (otherCount + bitCount(ownBits) > MAX_DISTANCE) continue
    // Equal in the other half of its own word, or in either half of the other one, they stand together in a table before
    if ((table & 1) === 1 && (ownBits & 0xffff) === 0) continue
    if (table > 1 && ((otherBits & 0xffff) === 0 || otherBits >>> 16 === 0)) continue
    found[length++] = order[i]!
  }
  return length
}

function grown(array: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * length)
  larger.set(array)
  return larger
}

/** The placement that most matches agree on, fitted to them, if there are enough; those of `of` are numbered from `first` on. */
function agreement(
  of: Places,
  first: number,
  to: Places,
  pairs: readonly number[],
): Pick<Candidate, 'placement' | 'agreeing'> | undefined {
  const count = pairs.length / 2
  const distinct = (side: 0 | 1, which: readonly number[]) => new Set(which.map(m => pairs[m * 2 + side])).size
  const agreeingOf = (which: readonly number[]) => Math.min(distinct(0, which), distinct(1, which))
  const every = Array.from({ length: count }, (_, m) => m)
  if (agreeingOf(every) < MIN_AGREEING) return undefined
  const ofA = (values: Float32Array) => Float64Array.from(every, m => values[pairs[m * 2]! - first]!)
  const ofB = (values: Float32Array) => Float64Array.from(every, m => values[pairs[m * 2 + 1]!]!)
  const [ax, ay, bx, by] = [ofA(of.x), ofA(of.y), ofB(to.x), ofB(to.y)]
  const fits = (m: number, scale: number, x: number, y: number): boolean => {
    const dx = scale * bx[m]! + x - ax[m]!
    const dy = scale * by[m]! + y - ay[m]!
    return dx * dx + dy * dy < TOLERANCE ** 2
  }
  let best: number[] = []
  const hypotheses = Math.min(count, 24)
  for (let i = 0; i < hypotheses; i++) {
    for (let j = i + 1; j < hypotheses; j++) {
      // Math.hypot takes ten times as long
      const far = Math.sqrt((bx[i]! - bx[j]!) ** 2 + (by[i]! - by[j]!) ** 2)
      if (far < 0.1) continue
      const scale = Math.sqrt((ax[i]! - ax[j]!) ** 2 + (ay[i]! - ay[j]!) ** 2) / far
      if (scale < 0.1 || scale > 10) continue
      const x = (ax[i]! + ax[j]! - scale * (bx[i]! + bx[j]!)) / 2
      const y = (ay[i]! + ay[j]! - scale * (by[i]! + by[j]!)) / 2
      let found = 0
      for (let m = 0; m < count; m++) if (fits(m, scale, x, y)) found++
      if (found > best.length) best = every.filter(m => fits(m, scale, x, y))
    }
  }
  const agreeing = agreeingOf(best)
  if (agreeing < MIN_AGREEING) return undefined
  const placement = fitted(best, ax, ay, bx, by)
  const possible = Math.min(inside(to, of, placement), inside(of, to, inverse(placement)))
  return agreeing < MIN_SHARE * possible ? undefined : { placement, agreeing }
}

/** How many keypoints of a picture lie on another one. */
function inside(points: Places, other: Places, { scaleX, scaleY, x, y }: Placement): number {
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
  ax: Float64Array,
  ay: Float64Array,
  bx: Float64Array,
  by: Float64Array,
): Placement {
  const mean = (values: Float64Array) => which.reduce((sum, m) => sum + values[m]!, 0) / which.length
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
