/** Images as they come, and how it is said that one cannot be read. */
import { RegraftError } from '../base/errors.js'

/** An image: the path of a file, its bytes, or a stream of them. */
export type ImageSource = string | Uint8Array | AsyncIterable<Uint8Array>

/** An image that cannot be read. */
export class UnreadableImage extends RegraftError {
  constructor(
    image: ImageSource,
    /** Why, such as 'truncated JPEG'. */
    readonly reason: string,
    advice = 'try another image',
  ) {
    super('data', `${typeof image === 'string' ? image : 'the image'} cannot be decoded (${reason}); ${advice}`)
  }
}

/** An image has more pixels than are taken; nothing of it was decoded. */
export class ImageTooLarge extends UnreadableImage {}
