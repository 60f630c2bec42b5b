/** Recognises image files by their first bytes, and by their names where a hint is enough. */

import { isBmp } from './bmp.js'
import { isPnm } from './pnm.js'

/** The formats that are read; PNM are PGM and PPM. */
export type ImageFormat = 'JPEG' | 'PNG' | 'WebP' | 'GIF' | 'TIFF' | 'AVIF' | 'HEIC' | 'BMP' | 'PNM'

/** How many bytes `imageFormat` needs. */
export const SIGNATURE_BYTES = 64

const TIFF_SIGNATURES = ['II*\0', 'MM\0*', 'II+\0', 'MM\0+']
/** Brands of an ISO media file that can hold AV1 images; `mif1` is the general one. */
const AVIF_BRANDS = ['avif', 'avis', 'mif1']
/** Those that hold images of HEVC. */
const HEIC_BRANDS = ['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx']

/** The format of a file that starts with these bytes, or undefined where it is none of the known image formats. */
export function imageFormat(start: Uint8Array): ImageFormat | undefined {
  const text = (from: number, to: number) => String.fromCharCode(...start.subarray(from, to))
  if (text(0, 3) === '\xff\xd8\xff') return 'JPEG'
  if (text(0, 8) === '\x89PNG\r\n\x1a\n') return 'PNG'
  if (text(0, 4) === 'RIFF' && text(8, 12) === 'WEBP') return 'WebP'
  if (text(0, 4) === 'GIF8') return 'GIF'
  if (TIFF_SIGNATURES.includes(text(0, 4))) return 'TIFF'
  if (text(4, 8) === 'ftyp')
    return isoFormat(text(8, Math.min(SIGNATURE_BYTES, ((start[2] ?? 0) << 8) + (start[3] ?? 0))))
  if (isBmp(start)) return 'BMP'
  return isPnm(start) ? 'PNM' : undefined
}

/** @param brands the main one, a version, those that the file is compatible with; four letters each */
function isoFormat(brands: string): ImageFormat | undefined {
  const main = brands.slice(0, 4)
  const all: readonly string[] = brands.match(/[\s\S]{4}/g) ?? []
  const hevc = all.some(brand => HEIC_BRANDS.includes(brand)) && !all.includes('avif')
  if (HEIC_BRANDS.includes(main) || ((main === 'mif1' || main === 'msf1') && hevc)) return 'HEIC'
  return AVIF_BRANDS.includes(main) ? 'AVIF' : undefined
}

const extensions: readonly (readonly [RegExp, ImageFormat])[] = [
  [/\.(jpe?g|jpe|jfif)$/i, 'JPEG'],
  [/\.png$/i, 'PNG'],
  [/\.webp$/i, 'WebP'],
  [/\.gif$/i, 'GIF'],
  [/\.tiff?$/i, 'TIFF'],
  [/\.avif$/i, 'AVIF'],
  [/\.hei[cf]$/i, 'HEIC'],
  [/\.(bmp|dib)$/i, 'BMP'],
  [/\.p[gpn]m$/i, 'PNM'],
]

/** The format that a file's name claims, or undefined where it claims none that is known. */
export const formatOfName = (name: string): ImageFormat | undefined =>
  extensions.find(([pattern]) => pattern.test(name))?.[1]

/** Whether a file's name claims that it is an image of a known format. */
export const hasImageExtension = (name: string): boolean => formatOfName(name) !== undefined

/** Names of images that are not read: people should hear of those. */
const unread = /\.(pbm|svg|jxl|jp2|j2k|jpx|tga|ico|psd|xcf|exr|hdr|dds|dng|cr2|cr3|nef|arw|orf|rw2|raf|dcm)$/i

/** The format that a file's name claims where it is a picture's and is not read, such as SVG. */
export const unreadFormat = (name: string): string | undefined => unread.exec(name)?.[1]?.toUpperCase()
