/** Small gray images, decoded cheaply, for comparing pictures with one another; never for training. */
import { MAX_PIXELS, readBounded } from './decode.js'
import { type OpenedImage, openImage } from './openImage.js'

/** `width` * `height` brightness values from 0 to 255, row by row. */
export interface GrayImage {
  readonly width: number
  readonly height: number
  readonly pixels: Float32Array
}

/** The same in bytes, as it is sent between threads and kept. */
export interface GrayBytes {
  readonly width: number
  readonly height: number
  readonly pixels: Uint8Array
}

/** Pixels of the pictures that are described for the search for duplicates. */
export const DESCRIBED_AREA = 112 ** 2

/** A thumbnail, and the bytes it was made from. */
export interface Thumbnail {
  readonly gray: GrayImage
  readonly file: Uint8Array
}

/**
 * The image in gray, reduced to about `area` pixels (never enlarged) with its proportions kept.
 * JPEG files are decoded at a fraction of their size where that is enough.
 * @throws Error if the file cannot be decoded
 */
export async function readThumbnail(path: string, area: number): Promise<Thumbnail> {
  const file = readBounded(path)
  return { gray: await grayOf(await openImage(file, MAX_PIXELS), area), file }
}

/** `readThumbnail` of an image that was opened already. */
export async function grayOf(opened: OpenedImage, area: number): Promise<GrayImage> {
  const image = opened.open()
  const { autoOrient } = await image.metadata()
  const scale = Math.min(1, Math.sqrt(area / (autoOrient.width * autoOrient.height)))
  const side = (length: number) => Math.max(1, Math.round(length * scale))
  const { data, info } = await image
    .autoOrient()
    .resize(side(autoOrient.width), side(autoOrient.height), { fit: 'fill', kernel: 'linear' })
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  const pixels = new Float32Array(info.width * info.height)
  if (info.channels < 3) for (let i = 0; i < pixels.length; i++) pixels[i] = data[i * info.channels]!
  // Rec. 601 as PIL has it; the way that libvips takes over linear light costs as much as decoding
  else
    for (let i = 0, at = 0; i < pixels.length; i++, at += info.channels)
      pixels[i] = Math.round(0.299 * data[at]! + 0.587 * data[at + 1]! + 0.114 * data[at + 2]!)
  return { width: info.width, height: info.height, pixels }
}

/** The picture as the means of `columns` x `rows` cells; each cell has at least one pixel. */
export function boxMeans({ width, height, pixels }: GrayImage, columns: number, rows: number): GrayImage {
  const means = new Float32Array(columns * rows)
  for (let j = 0; j < rows; j++) {
    const top = Math.floor((j * height) / rows)
    const bottom = Math.max(top + 1, Math.floor(((j + 1) * height) / rows))
    for (let i = 0; i < columns; i++) {
      const left = Math.floor((i * width) / columns)
      const right = Math.max(left + 1, Math.floor(((i + 1) * width) / columns))
      let sum = 0
      for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) sum += pixels[y * width + x]!
      means[j * columns + i] = sum / ((bottom - top) * (right - left))
    }
  }
  return { width: columns, height: rows, pixels: means }
}

export const inBytes = ({ width, height, pixels }: GrayImage): GrayBytes => ({
  width,
  height,
  pixels: Uint8Array.from(pixels, Math.round),
})

export const inFloats = ({ width, height, pixels }: GrayBytes): GrayImage => ({
  width,
  height,
  pixels: Float32Array.from(pixels),
})
