/** A 64-bit hash of a whole picture that scaling, recompression and slight changes of tone hardly alter. */
import { boxMeans, type GrayImage } from '../decode/thumbnail.js'

const GRID = 32
const COEFFICIENTS = 8

const cosines = Float64Array.from({ length: COEFFICIENTS * GRID }, (_, i) => {
  const frequency = 1 + Math.floor(i / GRID)
  return Math.cos((Math.PI * frequency * ((i % GRID) + 0.5)) / GRID)
})

/**
 * The hash as two 32-bit words: the signs, against their median, of the 8 x 8 lowest frequencies (without the zeroth ones)
 * of a discrete cosine transform of the picture squeezed into 32 x 32 (Zauner 2010, "pHash").
 */
export function perceptualHash(image: GrayImage): readonly [number, number] {
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
  const median = values.slice().sort()[values.length / 2]!
  const word = (start: number) => {
    let bits = 0
    for (let i = 0; i < 32; i++) if (values[start + i]! >= median) bits |= 1 << i
    return bits
  }
  return [word(0), word(32)]
}

/** How many bits of two 32-bit words are set. */
export function bitCount(a: number, b: number): number {
  // Without the zeros numbers would become floating
  let m = (a - ((a >>> 1) & 0x55555555)) | 0
  let n = (b - ((b >>> 1) & 0x55555555)) | 0
  m = ((m & 0x33333333) + ((m >>> 2) & 0x33333333)) | 0
  n = ((n & 0x33333333) + ((n >>> 2) & 0x33333333)) | 0
  const fours = (m + n) | 0
  return Math.imul(((fours & 0x0f0f0f0f) + ((fours >>> 4) & 0x0f0f0f0f)) | 0, 0x01010101) >>> 24
}
