/** Opens the bytes of an image file with sharp; formats that sharp does not read are turned into pixels for it. */
import sharp, { type Sharp } from 'sharp'
import { readBmp } from './bmp.js'
import { readFloatTiff } from './floatTiff.js'
import { readHeic } from './heic.js'
import { type ImageFormat, imageFormat } from './imageFormat.js'
import { readPnm } from './pnm.js'
import type { RawImage } from './rawImage.js'

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
  const options = { failOn: 'truncated', limitInputPixels: maxPixels, pages: 1, ignoreIcc: true } as const
  return { format, open: () => sharp(bytes, options) }
}

function unknownContent(bytes: Uint8Array): string {
  const start = Buffer.from(bytes.subarray(0, 256)).toString('latin1').trimStart().toLowerCase()
  return /^(<!doctype html|<html|<head|<script)/.test(start) ? 'a web page, not an image' : 'not a known image format'
}
