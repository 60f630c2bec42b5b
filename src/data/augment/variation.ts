/** What varies the pixels of a training image after its crop: the operations that may be switched on, in their order. */
import type { RandomStream } from '../../base/random.js'
import type { RgbImage } from '../decode/decode.js'
import type { AugmentedView } from '../decode/transform.js'
import { colorJitter, jitterOf } from './colorJitter.js'
import { trivialAugment } from './trivialAugment.js'

/** Which variations there are. */
export interface Variation {
  /** One operation of TrivialAugment. */
  readonly trivial: boolean
  /** Strength of colour jitter; 0: none. */
  readonly colorJitter: number
  /** Probability of erasing a rectangle; it comes last, on the normalised input. */
  readonly randomErasing: number
  /** URL of a module that changes the pixels by a function of its own. */
  readonly own: string | undefined
}

/**
 * A view after TrivialAugment and colour jitter, as far as they are on; the given pixels stay as they are.
 * Without them nothing is drawn from the stream.
 */
export function varied(
  view: AugmentedView,
  size: number,
  variation: Variation,
  random: RandomStream,
  own?: (pixels: Uint8Array, size: number, random: RandomStream) => void,
): AugmentedView {
  if (!variation.trivial && variation.colorJitter === 0 && !own) return view
  let image = upright(view, size)
  if (variation.trivial) image = trivialAugment(image, random)
  if (variation.colorJitter > 0) image = colorJitter(image, jitterOf(variation.colorJitter), random)
  if (own) {
    // What it changes must not be what is kept
    image = { ...image, pixels: image.pixels.slice() }
    own(image.pixels, size, random)
  }
  return { pixels: image.pixels, flipped: false }
}

/** The view with its mirroring carried out: the operations are not symmetric. */
function upright({ pixels, flipped }: AugmentedView, size: number): RgbImage {
  if (!flipped) return { width: size, height: size, pixels }
  const mirrored = new Uint8Array(pixels.length)
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const from = (y * size + x) * 3
      const to = (y * size + size - 1 - x) * 3
      for (let c = 0; c < 3; c++) mirrored[to + c] = pixels[from + c]!
    }
  }
  return { width: size, height: size, pixels: mirrored }
}
