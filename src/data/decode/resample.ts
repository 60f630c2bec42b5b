/** Resizes 8-bit RGB pixels exactly as PIL does: antialiased, separable, in fixed point. */
import type { RgbImage } from './decode.js'
import { pixelLoops } from './pixelLoops.js'
import { type Interpolation, taps } from './resampleWeights.js'

/** A rectangle in pixels. */
export interface Rectangle {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** What to compute: `source` is cut out of the image, resized to `width` x `height`, and `window` is cut out of that. */
export interface Resampling {
  readonly source: Rectangle
  readonly width: number
  readonly height: number
  readonly window: Rectangle
  readonly interpolation: Interpolation
}

/**
 * The resampled window, as RGB bytes, row by row.
 * Only the rows and columns that the window needs are computed, so an extreme aspect ratio costs nothing.
 * @param target where to write; window.width * window.height * 3 bytes
 */
export function resample(image: RgbImage, plan: Resampling, target: Uint8Array): void {
  const { source, window, interpolation } = plan
  const columns = taps(source.width, plan.width, window.x, window.width, interpolation)
  const rows = taps(source.height, plan.height, window.y, window.height, interpolation)
  const start = source.y * image.width + source.x
  pixelLoops().resample(image.pixels, start * 3, image.width * 3, columns, rows, target)
}
