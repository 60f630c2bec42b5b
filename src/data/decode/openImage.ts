/** Opens the bytes of an image file with sharp; formats that sharp does not read are turned into pixels for it. */
import sharp, { type Sharp } from 'sharp'
import { readBmp } from './bmp.js'
import { readFloatTiff } from './floatTiff.js'
import { readHeic } from './heic.js'
import { type ImageFormat, imageFormat } from './imageFormat.js'
import { readPnm } from './pnm.js'
import { checkSides, type RawImage } from './rawImage.js'
import { tiffTags } from './tiffTags.js'

type Awaitable<T> = T | Promise<T>

/** Of a format that sharp reads as well, nothing where it does. */
const readers: Readonly<
  Partial<Record<ImageFormat, (bytes: Uint8Array, maxPixels: number) => Awaitable<RawImage | undefined>>>
> = {
  HEIC: readHeic,
  BMP: readBmp,
  PNM: readPnm,
  TIFF: readFloatTiff,
}

/** An image that sharp can work on. */
export interface OpenedImage {
  readonly format: ImageFormat
  /** A new pipeline that starts from the first frame or page, with every bound set. */
  open(): Sharp
  /** The pixels, where sharp does not read the format itself. */
  readonly raw?: RawImage
}

/**
 * Looks at what kind of file it is. Colour profiles are ignored; a file that ends early is an error when it is decoded.
 * @throws Error with the reason in a few words; TooManyPixels for formats that sharp does not read
 */
export async function openImage(bytes: Uint8Array, maxPixels: number): Promise<OpenedImage> {
  if (bytes.length === 0) throw new Error('empty file')
  const format = imageFormat(bytes)
  if (format === undefined) throw new Error(unknownContent(bytes))
  const raw = await readers[format]?.(bytes, maxPixels)
  if (raw !== undefined) {
    const { width, height, channels, pixels } = raw
    return { format, raw, open: () => sharp(pixels, { raw: { width, height, channels } }) }
  }
  const sides = longSides(bytes, format)
  if (sides) checkSides(...sides, maxPixels)
  const options = { failOn: 'truncated', limitInputPixels: maxPixels, pages: 1, ignoreIcc: true } as const
  return { format, open: () => sharp(bytes, options) }
}

/** Width and height as a file's head has them, of the formats that sharp reads and that know more than 65,535. */
function longSides(bytes: Uint8Array, format: ImageFormat): readonly [number, number] | undefined {
  if (format === 'TIFF') return tiffTags(bytes)?.sides
  if (format !== 'PNG' || bytes.length < 24) return undefined
  const head = new DataView(bytes.buffer, bytes.byteOffset)
  return [head.getUint32(16), head.getUint32(20)]
}

function unknownContent(bytes: Uint8Array): string {
  const start = Buffer.from(bytes.subarray(0, 256)).toString('latin1').trimStart().toLowerCase()
  return /^(<!doctype html|<html|<head|<script)/.test(start) ? 'a web page, not an image' : 'not a known image format'
}
