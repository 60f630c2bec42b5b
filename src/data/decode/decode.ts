/** Reads an image file into RGB bytes: every format, colour space, bit depth and orientation ends as the same thing. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import sharp from 'sharp'
import { readingAtOnce } from '../../base/readText.js'
import { type OpenedImage, openImage } from './openImage.js'
import { TooManyPixels } from './rawImage.js'
import { reason } from './reason.js'
import { tiffTags } from './tiffTags.js'

export { TooManyPixels } from './rawImage.js'

/** An image in memory: `width` * `height` * 3 bytes, row by row, red, green, blue. */
export interface RgbImage {
  readonly width: number
  readonly height: number
  readonly pixels: Uint8Array
  /** That it has 16 bits a channel and uses less than a quarter of their range, as cameras of 12 bits write it: it is nearly black. */
  readonly faint?: boolean
}

/** Larger images are refused: decoded they would need more than 300 MB. */
export const MAX_PIXELS = 100_000_000
/** A quarter of a byte's range. */
const FAINT = 64
const MAX_FILE_BYTES = 512 * 1024 * 1024

// libvips would keep the last files open and their pixels in memory; nothing is read twice here
sharp.cache(false)

/**
 * Decodes a file. Alpha is flattened on white, EXIF orientation is applied, grayscale becomes three equal channels,
 * 16 bits become 8, CMYK becomes RGB; of several frames or pages the first is taken. Colour profiles are ignored, as PIL
 * ignores them: a network trained on such pixels.
 * @throws Error whose message is the reason in a few words, such as "truncated JPEG"
 */
export async function decodeFile(path: string): Promise<RgbImage> {
  return decodeImage(readBounded(path))
}

/**
 * `decodeFile` for the bytes of a file.
 * @param maxPixels images of more pixels are refused with `TooManyPixels`
 */
export const decodeImage = async (bytes: Uint8Array, maxPixels = MAX_PIXELS): Promise<RgbImage> =>
  decodeOpened(await openImage(bytes, maxPixels), bytes, maxPixels)

/** `decodeImage` of what was opened already. */
export async function decodeOpened(
  { format, open }: OpenedImage,
  bytes: Uint8Array,
  maxPixels = MAX_PIXELS,
): Promise<RgbImage> {
  try {
    const image = open()
    const { data, info } = await image
      .autoOrient()
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
    const pixels = info.channels === 3 ? data : threeChannels(data)
    const faint = hasSixteenBits(bytes, format) && !data.some(value => value >= FAINT)
    return { width: info.width, height: info.height, pixels, ...(faint ? { faint } : {}) }
  } catch (error) {
    const message = endsEarly(bytes, format) ? 'premature end' : error instanceof Error ? error.message : String(error)
    if (/pixel limit/i.test(message)) throw new TooManyPixels(maxPixels)
    throw new Error(reason(message, format), { cause: error })
  }
}

/**
 * The bytes of a file, if it is not larger than any image has a reason to be. It waits for the disk: for worker threads,
 * whom it costs a tenth of what the asynchronous calls cost, and that is a tenth of decoding a small image.
 */
export function readBounded(path: string): Uint8Array {
  let file: number | undefined
  try {
    file = openSync(path, readingAtOnce)
    const found = fstatSync(file)
    if (!found.isFile()) throw new Error('it is no file')
    const { size } = found
    if (size > MAX_FILE_BYTES) throw new Error(`the file is larger than ${MAX_FILE_BYTES / 1024 / 1024} MB`)
    return readFileSync(file)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT') throw new Error('the file is not there', { cause: error })
    if (code === 'EACCES' || code === 'EPERM') throw new Error('no permission to read it', { cause: error })
    throw error
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

function threeChannels(gray: Uint8Array): Uint8Array {
  const rgb = new Uint8Array(gray.length * 3)
  for (let i = 0; i < gray.length; i++) rgb.fill(gray[i]!, i * 3, i * 3 + 3)
  return rgb
}

/** Whether a JPEG or PNG lacks its end marker, or a WebP the bytes that its head announces. libvips' messages are shared between threads and may be another file's. */
function endsEarly(bytes: Uint8Array, format: string): boolean {
  if (format === 'WebP') return new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true) + 8 > bytes.length
  if (format === 'PNG') return !Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes('IEND')
  if (format !== 'JPEG') return false
  let end = bytes.length
  while (end > 2 && bytes[end - 1] === 0) end--
  return bytes[end - 2] !== 0xff || bytes[end - 1] !== 0xd9
}

/** Whether a file that is read by its full range has 16 bits a channel. */
function hasSixteenBits(bytes: Uint8Array, format: string): boolean {
  if (format === 'PNG') return bytes[24] === 16
  return format === 'TIFF' && tiffTags(bytes)?.bits === 16
}
