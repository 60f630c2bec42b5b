/** Pixels as the readers of single formats give them to sharp, and the bounds that they check first. */

/** One byte a channel, row by row: gray, RGB or RGBA. */
export interface RawImage {
  readonly width: number
  readonly height: number
  readonly channels: 1 | 3 | 4
  readonly pixels: Uint8Array
  /** Bits of each channel in the file. */
  readonly bits: number
  /** Whether the file's pixels are numbers of colours in a table. */
  readonly palette?: boolean
  /** Whether the file says that it is to be turned or mirrored; the pixels are upright. */
  readonly turned?: boolean
}

/** An image that has more pixels than are taken; nothing of it was decoded. */
export class TooManyPixels extends Error {
  override readonly name: string = 'TooManyPixels'

  constructor(maxPixels: number, message = `more than ${maxPixels / 1e6} million pixels`) {
    super(message)
  }
}

/** Lines that an image can have, and pixels of a line: few of many formats know more, and each line costs libvips a microsecond. */
const MOST_LINES = 100_000

/** Whether an image is a strip, which takes far longer than its pixels tell. @throws TooManyPixels where it is */
export function checkSides(width: number, height: number, maxPixels: number): void {
  if (Math.max(width, height) > MOST_LINES)
    throw new TooManyPixels(maxPixels, `a side is longer than ${MOST_LINES.toLocaleString('en')} pixels`)
}

/** Whether a file's size is one that an image can have: nothing is reserved before this. */
export function checkSize(format: string, width: number, height: number, maxPixels: number): void {
  if (!(Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0))
    throw new Error(`damaged ${format}: it claims ${width} x ${height} pixels`)
  if (width * height > maxPixels) throw new TooManyPixels(maxPixels)
  checkSides(width, height, maxPixels)
}
