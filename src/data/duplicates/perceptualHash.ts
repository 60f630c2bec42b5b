/** A 64-bit hash of a whole picture that scaling, recompression and slight changes of tone hardly alter. */
import { boxMeans, type GrayImage } from '../decode/thumbnail.js'
import { ORIENTATIONS, orientedFrequencies } from './orientation.js'

const GRID = 32
const COEFFICIENTS = 8

const cosines = Float64Array.from({ length: COEFFICIENTS * GRID }, (_, i) => {
  const frequency = 1 + Math.floor(i / GRID)
  return Math.cos((Math.PI * frequency * ((i % GRID) + 0.5)) / GRID)
})

/**
 * The hashes of the picture in its eight orientations, two 32-bit words each: the signs, against their median, of the 8 x 8
 * lowest frequencies (without the zeroth ones) of a discrete cosine transform of the picture squeezed into 32 x 32
 * (Zauner 2010, "pHash").
 */
export function perceptualHashes(image: GrayImage): Int32Array {
  const small = boxMeans(image, GRID, GRID).pixels
  const rows = new Float64Array(GRID * COEFFICIENTS)
  for (let y = 0; y < GRID; y++) {
    for (let u = 0; u < COEFFICIENTS; u++) {
      let sum = 0
      for (let x = 0; x < GRID; x++) sum += small[y * GRID + x]! * cosines[u * GRID + x]!
      rows[y * COEFFICIENTS + u] = sum
    }
  }
  const values = new Float64Array(COEFFICIENTS * COEFFICIENTS)
  for (let v = 0; v < COEFFICIENTS; v++) {
    for (let u = 0; u < COEFFICIENTS; u++) {
      let sum = 0
      for (let y = 0; y < GRID; y++) sum += rows[y * COEFFICIENTS + u]! * cosines[v * GRID + y]!
      values[v * COEFFICIENTS + u] = sum
    }
  }
  const words = new Int32Array(2 * ORIENTATIONS)
  for (let orientation = 0; orientation < ORIENTATIONS; orientation++) {
    const turned = orientedFrequencies(values, COEFFICIENTS, 1, orientation)
    const median = turned.slice().sort()[turned.length / 2]!
    for (let i = 0; i < turned.length; i++) {
      if (turned[i]! >= median) words[2 * orientation + (i >> 5)]! |= 1 << (i & 31)
    }
  }
  return words
}

/** How many bits of a 32-bit word are set. */
export function bitCount(word: number): number {
  // Without the zeros numbers would become floating
  const twos = (word - ((word >>> 1) & 0x55555555)) | 0
  const fours = ((twos & 0x33333333) + ((twos >>> 2) & 0x33333333)) | 0
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
