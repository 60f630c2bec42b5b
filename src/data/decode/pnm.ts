/** Reads PGM and PPM files: P2, P3, P5 and P6, up to 16 bits a channel. */
import { checkSize, type RawImage } from './rawImage.js'

const isSpace = (byte: number | undefined) => byte === 32 || (byte !== undefined && byte >= 9 && byte <= 13)
const isDigit = (byte: number | undefined) => byte !== undefined && byte >= 48 && byte <= 57
const HASH = 35

/** Whether bytes start as a PGM or PPM file does: its letters, then space, then a number or a remark. */
export function isPnm(start: Uint8Array): boolean {
  if (start[0] !== 0x50 || ![50, 51, 53, 54].includes(start[1] ?? 0) || !isSpace(start[2])) return false
  let at = 3
  while (isSpace(start[at])) at++
  return isDigit(start[at]) || start[at] === HASH
}

/**
 * Decodes a PGM or PPM file; of several images in it the first.
 * @throws Error with the reason in a few words; TooManyPixels before anything is decoded
 */
export function readPnm(bytes: Uint8Array, maxPixels: number): RawImage {
  const kind = bytes[1]! - 48
  const format = kind === 2 || kind === 5 ? 'PGM' : 'PPM'
  const channels = format === 'PGM' ? 1 : 3
  let at = 2
  const number = (): number => {
    while (isSpace(bytes[at]) || bytes[at] === HASH) {
      if (bytes[at] === HASH) while (at < bytes.length && bytes[at] !== 10 && bytes[at] !== 13) at++
      else at++
    }
    if (at >= bytes.length) throw new Error(`truncated ${format}`)
    let value = 0
    const first = at
    while (isDigit(bytes[at]) && at - first < 10) value = value * 10 + bytes[at++]! - 48
    if (at === first) throw new Error(`damaged ${format}: a number is missing`)
    return value
  }
  const [width, height, most] = [number(), number(), number()]
  checkSize(format, width, height, maxPixels)
  if (most < 1 || most > 65535) throw new Error(`damaged ${format}: a largest value of ${most}`)
  const values = width * height * channels
  const wide = most > 255 ? 2 : 1
  const text = kind < 4
  // One space ends the head; in text each value has one before it
  if (!text) at++
  if (at + values * (text ? 2 : wide) > bytes.length + (text ? 1 : 0)) throw new Error(`truncated ${format}`)
  const pixels = new Uint8Array(values)
  for (let i = 0; i < values; i++, at += text ? 0 : wide) {
    const value = text ? number() : wide === 2 ? bytes[at]! * 256 + bytes[at + 1]! : bytes[at]!
    pixels[i] = Math.round((Math.min(value, most) * 255) / most)
  }
  return { width, height, channels, pixels, bits: Math.ceil(Math.log2(most + 1)) }
}
