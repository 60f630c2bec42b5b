/** TIFF files as microscopes, satellites and programs write them: which are read, and how numbers become brightness. */
import sharp from 'sharp'
import { checkSize, type RawImage, TooManyPixels } from './rawImage.js'
import { reason } from './reason.js'
import { tiffTags } from './tiffTags.js'

const ADVICE = 'save it as RGB or gray, of 8 or 16 bits'

/**
 * The pixels of a TIFF whose samples are floating-point or 32-bit numbers, which have no range of their own; undefined
 * of others, which sharp reads.
 * @throws Error with the reason in a few words, of files that are not read; TooManyPixels before anything is decoded
 */
export async function readFloatTiff(bytes: Uint8Array, maxPixels: number): Promise<RawImage | undefined> {
  const tags = tiffTags(bytes)
  if (tags === undefined) return undefined
  const { bits, kind, samples, isLab } = tags
  if (isLab) throw new Error(`CIELAB TIFFs are not read; ${ADVICE}`)
  if (samples > 4) throw new Error(`TIFFs of ${samples} channels are not read; ${ADVICE}`)
  if (bits <= 16 && kind === 'unsigned') return undefined
  const gray = samples < 3
  const isRead = bits <= 32 && ((kind === 'float' && (bits === 32 || !gray)) || (kind === 'unsigned' && gray))
  if (!isRead) throw new Error(`TIFFs of ${kind ?? 'other'} ${bits}-bit numbers are not read; ${ADVICE}`)
  try {
    return await decoded(bytes, bits, gray, maxPixels)
  } catch (error) {
    if (error instanceof TooManyPixels) throw error
    throw new Error(reason(error instanceof Error ? error.message : String(error), 'TIFF'), { cause: error })
  }
}

async function decoded(bytes: Uint8Array, bits: number, gray: boolean, maxPixels: number): Promise<RawImage> {
  const image = sharp(bytes, { failOn: 'truncated', limitInputPixels: false, pages: 1, ignoreIcc: true })
  const { width, height, orientation = 1 } = await image.metadata()
  checkSize('TIFF', width, height, maxPixels)
  // Of colours, sharp's own way out would take them for linear light
  const { data, info } = await (gray ? image : image.toColourspace('scrgb'))
    .autoOrient()
    .raw({ depth: 'float' })
    .toBuffer({ resolveWithObject: true })
  const values = new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4)
  const channels = gray ? 1 : 3
  const size = { width: info.width, height: info.height, channels, bits, turned: orientation > 1 } as const
  return { ...size, pixels: brightness(values, info.channels, channels) }
}

/**
 * Bytes for numbers: of images between 0 and 1 as shares, between 0 and 255 as they are, of others from the least to the
 * greatest number. What is no number, or infinite, is black, or the greatest.
 */
function brightness(values: Float32Array, from: number, channels: 1 | 3): Uint8Array {
  let [least, greatest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (i % from >= channels || !Number.isFinite(value)) continue
    if (value < least) least = value
    if (value > greatest) greatest = value
  }
  const [black, white] = least < 0 || greatest > 255 ? [least, greatest] : greatest > 1 ? [0, 255] : [0, 1]
  const scale = 255 / Math.max(white - black, Number.MIN_VALUE)
  const pixels = new Uint8ClampedArray((values.length / from) * channels)
  for (let i = 0, at = 0; i < values.length; i++) if (i % from < channels) pixels[at++] = (values[i]! - black) * scale
  return new Uint8Array(pixels.buffer)
}
