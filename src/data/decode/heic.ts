/** Reads HEIC files, as iPhones write them, with libheif compiled to WebAssembly; it is loaded when the first one comes. */
import { createRequire } from 'node:module'
import { checkSize, type RawImage } from './rawImage.js'

/** An object of libheif. */
interface Handle {
  readonly code?: unknown
}

interface Plane {
  readonly stride: number
  readonly width: number
  readonly height: number
  readonly data: Uint8Array
}

/** What is used of the package, which comes without types for it. */
interface Libheif {
  readonly heif_colorspace: { readonly heif_colorspace_RGB: unknown }
  readonly heif_chroma: {
    readonly heif_chroma_interleaved_RGB: unknown
    readonly heif_chroma_interleaved_RGBA: unknown
  }
  heif_context_alloc(): Handle
  heif_context_free(context: Handle): void
  heif_context_read_from_memory(context: Handle, bytes: Uint8Array): { readonly message: string }
  heif_js_context_get_primary_image_handle(context: Handle): Handle
  heif_image_handle_get_width(handle: Handle): number
  heif_image_handle_get_height(handle: Handle): number
  heif_image_handle_has_alpha_channel(handle: Handle): boolean | number
  heif_image_handle_release(handle: Handle): void
  heif_image_release(image: unknown): void
  heif_js_decode_image2(
    handle: Handle,
    space: unknown,
    chroma: unknown,
  ): Handle & { readonly image: unknown; readonly channels: readonly Plane[]; readonly message?: string }
}

/** WebAssembly's memory never shrinks: after an image of more pixels it is given up and made anew for the next one. */
const KEPT_PIXELS = 16_000_000

let loaded: Libheif | undefined

function libheif(): Libheif {
  if (loaded === undefined) {
    const make = createRequire(import.meta.url)('libheif-js/libheif-wasm/libheif-bundle.js') as () => Libheif
    loaded = make()
  }
  return loaded
}

/**
 * Decodes the main image of a HEIC file, upright: what the file says of turning and mirroring is applied by libheif, and
 * its EXIF orientation, which says the same once more, is ignored, as HEIF has it. It takes a second for a photograph:
 * for worker threads.
 * @throws Error with the reason in a few words; TooManyPixels before anything is decoded
 */
export function readHeic(bytes: Uint8Array, maxPixels: number): RawImage {
  const heif = libheif()
  const context = heif.heif_context_alloc()
  let handle: Handle | undefined
  let large = false
  try {
    const parsed = heif.heif_context_read_from_memory(context, bytes)
    const found = parsed.message === 'Success' ? heif.heif_js_context_get_primary_image_handle(context) : undefined
    if (found === undefined || found.code !== undefined) throw new Error(reason(parsed.message))
    handle = found
    const [width, height] = [heif.heif_image_handle_get_width(handle), heif.heif_image_handle_get_height(handle)]
    checkSize('HEIC', width, height, maxPixels)
    large = width * height > KEPT_PIXELS
    const channels = heif.heif_image_handle_has_alpha_channel(handle) ? 4 : 3
    const { heif_chroma_interleaved_RGB, heif_chroma_interleaved_RGBA } = heif.heif_chroma
    const chroma = channels === 4 ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB
    const decoded = heif.heif_js_decode_image2(handle, heif.heif_colorspace.heif_colorspace_RGB, chroma)
    const plane = decoded.channels?.[0]
    if (plane === undefined) throw new Error(reason(decoded.message ?? 'it cannot be decoded'))
    try {
      const image = { ...packed(plane, channels, maxPixels), bits: 8, turned: isTurned(bytes) }
      return image
    } finally {
      heif.heif_image_release(decoded.image)
    }
  } catch (error) {
    // A fault within leaves its memory in no known state
    if (!(error instanceof Error) || error.name === 'RuntimeError') {
      loaded = undefined
      throw new Error('damaged HEIC: libheif failed', { cause: error })
    }
    throw error
  } finally {
    if (loaded !== undefined) {
      if (handle !== undefined) heif.heif_image_handle_release(handle)
      heif.heif_context_free(context)
    }
    if (large) loaded = undefined
  }
}

function packed({ stride, width, height, data }: Plane, channels: 3 | 4, maxPixels: number) {
  checkSize('HEIC', width, height, maxPixels)
  const row = width * channels
  if (stride < row || data.length < stride * (height - 1) + row) throw new Error('damaged HEIC: rows are missing')
  const pixels = new Uint8Array(row * height)
  for (let y = 0; y < height; y++) pixels.set(data.subarray(y * stride, y * stride + row), y * row)
  return { width, height, channels, pixels }
}

/** Whether the file has a property that turns or mirrors; near enough for an audit, which counts such images. */
function isTurned(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.subarray(0, 64 * 1024)).toString('latin1')
  const at = head.indexOf('irot')
  return head.includes('imir') || (at >= 0 && ((bytes[at + 4] ?? 0) & 3) > 0)
}

const reason = (message: string) =>
  /end of (file|data)|truncat|eof/i.test(message) ? 'truncated HEIC' : `damaged HEIC: ${message.slice(0, 120)}`
