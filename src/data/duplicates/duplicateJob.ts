/** What the search for duplicates asks of its workers, and what it gets back. */
import type { GrayBytes } from '../decode/thumbnail.js'
import type { Placement } from './keypointMatches.js'
import type { Keypoints } from './keypoints.js'
import type { Orientation } from './orientation.js'
import type { Overlay } from './overlay.js'

/** What is kept of each picture: 84 bytes, and 6 KB more where crops are sought. */
export interface Signature {
  /** SHA-1 of the file: equal files are equal pictures. */
  readonly digest: string
  /** The perceptual hashes of its orientations; undefined for a picture that shows nothing: the hashes of such are all alike. */
  readonly hashes: Int32Array | undefined
  /** For crops. */
  readonly keypoints: Keypoints | undefined
  /** For crops: very small, in bytes, for a first look. */
  readonly thumbnail: GrayBytes | undefined
}

/** One side of a comparison. Where there is no thumbnail, it is made from the file. */
export interface Compared {
  readonly path: string
  readonly thumbnail: Signature['thumbnail']
}

/** Compute a picture's signature, with what crops are found by or without; or compare two pictures. */
export type DuplicateJob =
  | {
      readonly task: 'describe'
      readonly path: string
      readonly crops: boolean
      /** What is described, where it is there already. */
      readonly picture: GrayBytes | undefined
    }
  | {
      readonly task: 'compare'
      readonly a: Compared
      readonly b: Compared
      /** How b is to be turned. */
      readonly orientation: Orientation
      /** Where b, turned, lies on a; undefined: the whole of b on the whole of a. */
      readonly placement: Placement | undefined
    }

/** The signature, unless the file cannot be decoded; or the comparison, unless a first look shows different pictures. */
export interface DuplicateReply {
  readonly signature?: Signature
  readonly overlay?: Overlay
}
