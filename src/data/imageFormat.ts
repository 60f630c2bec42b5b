/** Recognises image files by their first bytes, and by their names where a hint is enough. */

/** The formats that are read. */
export type ImageFormat = 'JPEG' | 'PNG' | 'WebP' | 'GIF' | 'TIFF' | 'AVIF'

/** How many bytes `imageFormat` needs. */
export const SIGNATURE_BYTES = 16

const TIFF_SIGNATURES = ['II*\0', 'MM\0*', 'II+\0', 'MM\0+']
/** Brands of an ISO media file that can hold AV1 images; `mif1` is the general one. */
const AVIF_BRANDS = ['avif', 'avis', 'mif1']

/** The format of a file that starts with these bytes, or undefined where it is none of the known image formats. */
export function imageFormat(start: Uint8Array): ImageFormat | undefined {
  const text = (from: number, to: number) => String.fromCharCode(...start.subarray(from, to))
  if (text(0, 3) === '\xff\xd8\xff') return 'JPEG'
  if (text(0, 8) === '\x89PNG\r\n\x1a\n') return 'PNG'
  if (text(0, 4) === 'RIFF' && text(8, 12) === 'WEBP') return 'WebP'
  if (text(0, 4) === 'GIF8') return 'GIF'
  if (TIFF_SIGNATURES.includes(text(0, 4))) return 'TIFF'
  if (text(4, 8) === 'ftyp' && AVIF_BRANDS.includes(text(8, 12))) return 'AVIF'
  return undefined
}

const extensions: readonly (readonly [RegExp, ImageFormat])[] = [
  [/\.(jpe?g|jpe|jfif)$/i, 'JPEG'],
  [/\.png$/i, 'PNG'],
  [/\.webp$/i, 'WebP'],
  [/\.gif$/i, 'GIF'],
  [/\.tiff?$/i, 'TIFF'],
  [/\.avif$/i, 'AVIF'],
]

/** The format that a file's name claims, or undefined where it claims none that is known. */
export const formatOfName = (name: string): ImageFormat | undefined =>
  extensions.find(([pattern]) => pattern.test(name))?.[1]

/** Whether a file's name claims that it is an image of a known format. */
export const hasImageExtension = (name: string): boolean => formatOfName(name) !== undefined

/** Names of images that are not read: people should hear of those. */
const unread =
  /\.(hei[cf]|bmp|dib|p[bgpn]m|svg|jxl|jp2|j2k|jpx|tga|ico|psd|xcf|exr|hdr|dds|dng|cr2|cr3|nef|arw|orf|rw2|raf|dcm)$/i

/** The format that a file's name claims where it is a picture's and is not read, such as HEIC. */
export const unreadFormat = (name: string): string | undefined => unread.exec(name)?.[1]?.toUpperCase()
