/** Distinct places of a picture with a 64-bit description of their surroundings; they survive cropping and scaling. */
import { randomStream } from '../../base/random.js'
import type { GrayImage } from '../decode/thumbnail.js'
import { blurred, halved } from './blur.js'
import { ORIENTATIONS, type Orientation, orientedFrequencies } from './orientation.js'

/**
 * Places of a picture as parallel arrays; positions are fractions of the picture's width, so that they do not depend on
 * the resolution. `words` holds two 32-bit words for each.
 */
export interface Places {
  readonly count: number
  /** The picture's height, in widths. */
  readonly height: number
  readonly x: Float32Array
  readonly y: Float32Array
  readonly words: Int32Array
}

/** The places of a picture as it is, strongest first, and what else is needed to turn it. */
export interface Keypoints extends Places {
  /** The words of the `turnable` strongest places in the orientations from 1 to 7, one after the other. */
  readonly turned: Int32Array
}

/** How many of so many places are described in all orientations. */
export const turnable = (count: number): number => Math.min(count, MAX_TURNED)

const BASE_SIGMA = 1
const STEP = Math.SQRT2
const LEVELS = 5
const OCTAVES = 3
const GRID = 8
/** Frequencies that describe a patch, in each direction; those are used whose sum is below it. */
const FREQUENCIES = 6
const MAX_TURNED = 24
/** Distance between the samples of a description, in units of the keypoint's sigma. */
const SPACING = 1.25
/** Least difference of two blurs, in brightness steps, at an extremum. */
const CONTRAST = 1
/** The eight-neighbourhood edge test of SIFT: the ratio of principal curvatures stays below 10. */
const EDGE = 11 ** 2 / 10

/** An extremum: where it lies in its level's pixels, how large it is, and the level that its surroundings are read from. */
interface Found {
  readonly x: number
  readonly y: number
  readonly sigma: number
  readonly response: number
  readonly level: GrayImage
  /** Pixels of the picture to one of the level. */
  readonly zoom: number
}

/**
 * The `limit` strongest extrema of differences of Gaussians (Lowe 2004), over three octaves. Each is described by the signs
 * of 64 fixed projections of its surroundings: 8 x 8 samples whose frequencies are weighted to equal strength. It is not
 * invariant to turning; the strongest are described in all orientations.
 */
export function findKeypoints(image: GrayImage, limit: number): Keypoints {
  const found: Found[] = []
  let octave = blurred(image, BASE_SIGMA)
  let zoom = 1
  for (let o = 0; o < OCTAVES && Math.min(octave.width, octave.height) >= 24; o++) {
    const levels = [octave]
    for (let l = 1; l < LEVELS; l++) {
      const before = BASE_SIGMA * STEP ** (l - 1)
      levels.push(blurred(levels[l - 1]!, before * Math.sqrt(STEP ** 2 - 1)))
    }
    extrema(levels, zoom, found)
    octave = halved(levels[2]!)
    zoom *= 2
  }
  found.sort((p, q) => q.response - p.response)
  const count = Math.min(limit, found.length)
  const patch = new Float32Array(GRID * GRID)
  const x = new Float32Array(count)
  const y = new Float32Array(count)
  const words = new Int32Array(count * 2)
  const turned = new Int32Array((ORIENTATIONS - 1) * turnable(count) * 2)
  for (let i = 0; i < count; i++) {
    const point = found[i]!
    // Pixel centres lie at halves
    x[i] = ((point.x + 0.5) * point.zoom) / image.width
    y[i] = ((point.y + 0.5) * point.zoom) / image.width
    sample(point.level, point.x, point.y, point.sigma * SPACING, patch)
    const frequencies = frequenciesOf(patch)
    words.set(describe(frequencies), i * 2)
    if (i >= turnable(count)) continue
    for (let o = 1; o < ORIENTATIONS; o++) {
      const at = ((o - 1) * turnable(count) + i) * 2
      turned.set(describe(orientedFrequencies(frequencies, FREQUENCIES, 0, o)), at)
    }
  }
  return { count, height: image.height / image.width, x, y, words, turned }
}

function extrema(levels: readonly GrayImage[], zoom: number, found: Found[]): void {
  const { width, height } = levels[0]!
  const differences = levels.slice(1).map(({ pixels }, l) => {
    const finer = levels[l]!.pixels
    const difference = new Float32Array(finer.length)
    for (let i = 0; i < difference.length; i++) difference[i] = pixels[i]! - finer[i]!
    return difference
  })
  for (let l = 1; l + 1 < differences.length; l++) {
    const [below, here, above] = [differences[l - 1]!, differences[l]!, differences[l + 1]!]
    const sigma = BASE_SIGMA * STEP ** l
    const margin = Math.ceil(SPACING * sigma * ((GRID - 1) / 2) + 1)
    for (let y = margin; y < height - margin; y++) {
      for (let x = margin; x < width - margin; x++) {
        const at = y * width + x
        const value = here[at]!
        const left = here[at - 1]!
        const right = here[at + 1]!
        // Says no to most places at once
        if (value > 0 ? left >= value || right >= value : left <= value || right <= value) continue
        if (Math.abs(value) < CONTRAST || !isExtremum(value, at, width, below, here, above)) continue
        const up = here[at - width]!
        const down = here[at + width]!
        const xx = left + right - 2 * value
        const yy = up + down - 2 * value
        const xy = (here[at + width + 1]! - here[at + width - 1]! - here[at - width + 1]! + here[at - width - 1]!) / 4
        const determinant = xx * yy - xy * xy
        if (determinant <= 0 || (xx + yy) ** 2 >= EDGE * determinant) continue
        found.push({
          x: x + peak(left, value, right),
          y: y + peak(up, value, down),
          sigma: sigma * STEP ** peak(below[at]!, value, above[at]!),
          response: Math.abs(value),
          level: levels[l]!,
          zoom,
        })
      }
    }
  }
}

/** Whether a value is beyond all its 26 neighbours in space and scale, on its own side of zero. */
function isExtremum(
  value: number,
  at: number,
  width: number,
  below: Float32Array,
  here: Float32Array,
  above: Float32Array,
): boolean {
  const beyond = (neighbour: number) => (value > 0 ? neighbour < value : neighbour > value)
  for (let row = at - width; row <= at + width; row += width) {
    for (let i = row - 1; i <= row + 1; i++) {
      if (!beyond(below[i]!) || !beyond(above[i]!) || (i !== at && !beyond(here[i]!))) return false
    }
  }
  return true
}

/** Where a parabola through three values has its extremum, from -0.5 to 0.5. */
function peak(before: number, here: number, after: number): number {
  const curvature = before + after - 2 * here
  return curvature === 0 ? 0 : Math.max(-0.5, Math.min(0.5, (before - after) / (2 * curvature)))
}

/** 8 x 8 samples around a place, `step` pixels apart, interpolated. */
function sample({ width, height, pixels }: GrayImage, x: number, y: number, step: number, out: Float32Array): void {
  const half = (GRID - 1) / 2
  for (let j = 0; j < GRID; j++) {
    const py = Math.max(0, Math.min(height - 1.001, y + (j - half) * step))
    const row = Math.floor(py)
    const fy = py - row
    for (let i = 0; i < GRID; i++) {
      const px = Math.max(0, Math.min(width - 1.001, x + (i - half) * step))
      const column = Math.floor(px)
      const fx = px - column
      const at = row * width + column
      const top = pixels[at]! * (1 - fx) + pixels[at + 1]! * fx
      const bottom = pixels[at + width]! * (1 - fx) + pixels[at + width + 1]! * fx
      out[j * GRID + i] = top * (1 - fy) + bottom * fy
    }
  }
}

/** Of each frequency the cosine pattern along a row of samples. */
const waves = Float64Array.from({ length: FREQUENCIES * GRID }, (_, i) =>
  Math.cos((Math.PI * Math.floor(i / GRID) * ((i % GRID) + 0.5)) / GRID),
)

/** The cosine transform of a patch, FREQUENCIES x FREQUENCIES. */
function frequenciesOf(patch: Float32Array): Float64Array {
  const rows = new Float64Array(GRID * FREQUENCIES)
  for (let y = 0; y < GRID; y++) {
    for (let u = 0; u < FREQUENCIES; u++) {
      let sum = 0
      for (let x = 0; x < GRID; x++) sum += patch[y * GRID + x]! * waves[u * GRID + x]!
      rows[y * FREQUENCIES + u] = sum
    }
  }
  const out = new Float64Array(FREQUENCIES * FREQUENCIES)
  for (let v = 0; v < FREQUENCIES; v++) {
    for (let u = 0; u + v < FREQUENCIES; u++) {
      let sum = 0
      for (let y = 0; y < GRID; y++) sum += rows[y * FREQUENCIES + u]! * waves[v * GRID + y]!
      out[v * FREQUENCIES + u] = sum
    }
  }
  return out
}

/** The frequencies that are used: without the constant one, and none that is high in both directions. */
const used = Array.from({ length: FREQUENCIES ** 2 }, (_, i) => i).filter(
  i => i > 0 && (i % FREQUENCIES) + Math.floor(i / FREQUENCIES) < FREQUENCIES,
)

/** 64 random mixtures of the frequencies that are used, low ones weakened. */
const projections = (() => {
  const random = randomStream('keypoints')
  const half = (frequency: number) => (frequency === 0 ? Math.SQRT1_2 : 1)
  return Float64Array.from({ length: 64 * used.length }, (_, i) => {
    const frequency = used[i % used.length]!
    const [u, v] = [frequency % FREQUENCIES, Math.floor(frequency / FREQUENCIES)]
    return random.normal() * Math.hypot(u, v) * half(u) * half(v)
  })
})()

const packed = new Float64Array(used.length)

/** The signs of the projections of a patch's frequencies. */
function describe(frequencies: Float64Array): [number, number] {
  const words: [number, number] = [0, 0]
  const length = used.length
  for (let i = 0; i < length; i++) packed[i] = frequencies[used[i]!]!
  // Four sums side by side: each waits for its last addition
  for (let row = 0; row < 64; row += 4) {
    const at = row * length
    let [a, b, c, d] = [0, 0, 0, 0]
    for (let i = 0; i < length; i++) {
      const value = packed[i]!
      a += value * projections[at + i]!
      b += value * projections[at + length + i]!
      c += value * projections[at + 2 * length + i]!
      d += value * projections[at + 3 * length + i]!
    }
    const bits = (a > 0 ? 1 : 0) | (b > 0 ? 2 : 0) | (c > 0 ? 4 : 0) | (d > 0 ? 8 : 0)
    words[row >> 5]! |= bits << (row & 31)
  }
  return words
}

/** The places of the picture in an orientation; in all but the upright one only the strongest. */
export function orientedPlaces(keypoints: Keypoints, orientation: Orientation): Places {
  if (orientation === 0) return keypoints
  const count = turnable(keypoints.count)
  const { height } = keypoints
  const x = keypoints.x.slice(0, count)
  const y = keypoints.y.slice(0, count)
  if (orientation & 1) for (let i = 0; i < count; i++) x[i] = 1 - x[i]!
  if (orientation & 2) for (let i = 0; i < count; i++) y[i] = height - y[i]!
  const words = keypoints.turned.subarray((orientation - 1) * count * 2, orientation * count * 2)
  if ((orientation & 4) === 0) return { count, height, x, y, words }
  // What was high is wide now, and the unit of all
  return { count, height: 1 / height, x: y.map(v => v / height), y: x.map(v => v / height), words }
}
