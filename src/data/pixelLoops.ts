/** The loops that all images pass through: the native addon's where it is built, else those in TypeScript. */
import { loadAddon } from '../base/addon.js'
import { portableLoops } from './portableLoops.js'
import type { Taps } from './taps.js'

/** Both implementations give the same numbers, so that which one runs never changes a result. */
export interface PixelLoops {
  /**
   * Resizes RGB bytes: first each row, then each column, rounded to bytes in between.
   * @param start the byte where the row 0 and the column 0 that the taps speak of meet
   * @param rowBytes from a row to the next
   * @param target 3 bytes for each of `columns` in each of `rows`
   */
  resample(pixels: Uint8Array, start: number, rowBytes: number, columns: Taps, rows: Taps, target: Uint8Array): void
  /**
   * Writes RGB bytes, `size` x `size` pixels, as numbers, channels first.
   * @param flipped whether each row is read from right to left
   * @param tables for each channel the number that each byte becomes
   */
  normalise(
    pixels: Uint8Array,
    size: number,
    flipped: boolean,
    tables: readonly [Float32Array, Float32Array, Float32Array],
    out: Float32Array,
  ): void
  /**
   * A symmetric filter: out[outStart + i] becomes the sum over k of kernel[k] * (source[start + i - k * stride] +
   * source[start + i + k * stride]), the middle once. The sums of two numbers are rounded to single precision, so that
   * their products are exact in double precision; the result is rounded after every second k.
   */
  symmetric(
    source: Float32Array,
    start: number,
    stride: number,
    kernel: Float32Array,
    out: Float32Array,
    outStart: number,
    count: number,
  ): void
}

/** The addon's loops; undefined where it is not built. */
export function nativeLoops(): PixelLoops | undefined {
  const addon = loadAddon()
  // One that an earlier version built may lack them
  return typeof addon === 'object' && 'symmetric' in addon ? (addon as PixelLoops) : undefined
}

/** A process has to call it before its worker threads do: a native module must be loaded by the main thread first. */
export const pixelLoops = (): PixelLoops => nativeLoops() ?? portableLoops
