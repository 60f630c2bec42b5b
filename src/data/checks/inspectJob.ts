/** What an audit asks of its workers about one image, and what it gets back. */
import type { ImageFormat } from '../decode/imageFormat.js'
import type { GrayBytes } from '../decode/thumbnail.js'

/** What is to be known of an image file that can be decoded. */
export interface ImageFacts {
  readonly format: ImageFormat
  /** Pixels, upright. */
  readonly width: number
  readonly height: number
  /** Bytes of the file. */
  readonly bytes: number
  /** Whether the pixels have no colour, whatever the file's kind. */
  readonly gray: boolean
  readonly alpha: boolean
  readonly cmyk: boolean
  /** Bits of each channel. */
  readonly bits: number
  readonly palette: boolean
  /** Whether it has 16 bits and uses less than a quarter of their range. */
  readonly faint: boolean
  /** Frames of an animation or pages of a TIFF; the first one is what training sees. */
  readonly frames: number
  /** Whether it is turned or mirrored by its EXIF orientation. */
  readonly turned: boolean
}

export interface InspectJob {
  readonly path: string
}

/** The facts, or why the file cannot be decoded. */
export type InspectReply =
  | {
      readonly facts: ImageFacts
      /** For the search for duplicates, of a format that takes long to decode. */
      readonly picture?: GrayBytes
    }
  | { readonly failure: string }
