/** Reads BMP files: 1, 2, 4, 8, 16, 24 and 32 bits, with palettes and masks, bottom-up and top-down; compressed ones are refused. */
import { checkSize, type RawImage } from './rawImage.js'

const FILE_HEADER = 14
/** Sizes of the second header: OS/2, Windows 3, with masks, OS/2 2, Windows 95 and 98. */
const HEADERS: readonly number[] = [12, 16, 40, 52, 56, 64, 108, 124]
const [UNCOMPRESSED, RLE8, RLE4, MASKS, JPEG, PNG, MASKS_WITH_ALPHA] = [0, 1, 2, 3, 4, 5, 6]
const compressions: Readonly<Record<number, string>> = { [RLE8]: 'RLE', [RLE4]: 'RLE', [JPEG]: 'JPEG', [PNG]: 'PNG' }

/** Whether bytes start as a BMP file does. */
export const isBmp = (start: Uint8Array): boolean =>
  start.length >= 18 &&
  start[0] === 0x42 &&
  start[1] === 0x4d &&
  HEADERS.includes(start[14]! | (start[15]! << 8) | (start[16]! << 16) | (start[17]! << 24))

/**
 * Decodes a BMP file.
 * @throws Error with the reason in a few words; TooManyPixels before anything is decoded
 */
export function readBmp(bytes: Uint8Array, maxPixels: number): RawImage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const size = view.getUint32(14, true)
  if (bytes.length < FILE_HEADER + size) throw new Error('truncated BMP')
  const old = size === 12
  const width = old ? view.getUint16(18, true) : view.getInt32(18, true)
  const claimed = old ? view.getUint16(20, true) : view.getInt32(22, true)
  const height = Math.abs(claimed)
  const bits = view.getUint16(old ? 24 : 28, true)
  const compression = size < 40 ? UNCOMPRESSED : view.getUint32(30, true)
  checkSize('BMP', width, height, maxPixels)
  const name = compressions[compression]
  if (name !== undefined) throw new Error(`a BMP with ${name} compression, which is not read`)
  const masked = compression === MASKS || compression === MASKS_WITH_ALPHA
  const known = [1, 2, 4, 8, 16, 24, 32].includes(bits) && (masked ? bits === 16 || bits === 32 : true)
  if (!known || !(masked || compression === UNCOMPRESSED))
    throw new Error(`damaged BMP: ${bits} bits a pixel, compression ${compression}`)
  const start = view.getUint32(10, true)
  const stride = Math.ceil((width * bits) / 32) * 4
  // The last row may lack its padding
  if (start < FILE_HEADER + size || start + stride * (height - 1) + Math.ceil((width * bits) / 8) > bytes.length)
    throw new Error('truncated BMP')
  const rowAt = (y: number) => start + stride * (claimed < 0 ? y : height - 1 - y)
  if (bits <= 8) {
    const entry = old ? 3 : 4
    const given = size < 40 ? 0 : view.getUint32(46, true)
    const room = Math.floor((start - FILE_HEADER - size) / entry)
    const colours = Math.min(given === 0 ? 2 ** bits : given, 2 ** bits, room)
    const palette = bytes.subarray(FILE_HEADER + size, FILE_HEADER + size + colours * entry)
    return { ...fromPalette(bytes, width, height, bits, rowAt, palette, entry), bits: 8, palette: true }
  }
  if (bits === 24) return { ...fromBytes(bytes, width, height, rowAt), bits: 8 }
  return { ...fromMasks(view, width, height, bits / 8, rowAt, masksOf(view, size, bits, compression)), bits: 8 }
}

type Pixels = Pick<RawImage, 'width' | 'height' | 'channels' | 'pixels'>

function fromPalette(
  bytes: Uint8Array,
  width: number,
  height: number,
  bits: number,
  rowAt: (y: number) => number,
  palette: Uint8Array,
  entry: number,
): Pixels {
  const pixels = new Uint8Array(width * height * 3)
  const perByte = 8 / bits
  for (let y = 0, at = 0; y < height; y++) {
    const row = rowAt(y)
    for (let x = 0; x < width; x++, at += 3) {
      const byte = bytes[row + Math.floor(x / perByte)]!
      const index = (byte >> (8 - bits * ((x % perByte) + 1))) & (2 ** bits - 1)
      // A number beyond the table is black
      for (let c = 0; c < 3; c++) pixels[at + c] = palette[index * entry + 2 - c] ?? 0
    }
  }
  return { width, height, channels: 3, pixels }
}

function fromBytes(bytes: Uint8Array, width: number, height: number, rowAt: (y: number) => number): Pixels {
  const pixels = new Uint8Array(width * height * 3)
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0, from = rowAt(y); x < width; x++, at += 3, from += 3) {
      pixels[at] = bytes[from + 2]!
      pixels[at + 1] = bytes[from + 1]!
      pixels[at + 2] = bytes[from]!
    }
  }
  return { width, height, channels: 3, pixels }
}

/** The bits of red, green, blue and alpha. */
function masksOf(view: DataView, size: number, bits: number, compression: number): number[] {
  if (compression === UNCOMPRESSED) return bits === 16 ? [0x7c00, 0x3e0, 0x1f, 0] : [0xff0000, 0xff00, 0xff, 0]
  const alpha = size >= 56 || compression === MASKS_WITH_ALPHA
  if (view.byteLength < FILE_HEADER + 56) throw new Error('truncated BMP')
  return [0, 1, 2, 3].map(i => (i === 3 && !alpha ? 0 : view.getUint32(FILE_HEADER + 40 + 4 * i, true)))
}

function fromMasks(
  view: DataView,
  width: number,
  height: number,
  size: number,
  rowAt: (y: number) => number,
  masks: readonly number[],
): Pixels {
  const channels = masks[3] === 0 ? 3 : 4
  const pixels = new Uint8Array(width * height * channels)
  const shifts = masks.map(mask => (mask === 0 ? 0 : 31 - Math.clz32(mask & -mask)))
  const tops = masks.map((mask, c) => mask >>> shifts[c]!)
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0, from = rowAt(y); x < width; x++, from += size) {
      const value = size === 2 ? view.getUint16(from, true) : view.getUint32(from, true)
      for (let c = 0; c < channels; c++, at++)
        pixels[at] = tops[c] === 0 ? 0 : Math.round((((value & masks[c]!) >>> shifts[c]!) * 255) / tops[c]!)
    }
  }
  return { width, height, channels, pixels }
}
