/** Two views at test time: an image and its mirror image, whose logits are averaged. */
import type { Inference } from './session.js'

/** Images [n, 3, size, size], each mirrored from left to right. */
export function mirrored(images: Float32Array, size: number): Float32Array {
  const result = new Float32Array(images.length)
  for (let row = 0; row < images.length; row += size)
    for (let x = 0; x < size; x++) result[row + x] = images[row + size - 1 - x]!
  return result
}

/** The logits of an image and of its mirror image, averaged. */
export const meanLogits = (one: Float32Array, other: Float32Array): Float32Array =>
  one.map((value, i) => (value + other[i]!) / 2)

/**
 * The forward pass of images, with each image's mirror image where `tta` asks for it: the mean of both logits.
 * @param size of the images
 */
export const withViews = (inference: Inference, size: number, tta: 'none' | 'flip' | undefined): Inference =>
  tta !== 'flip'
    ? inference
    : {
        ...inference,
        run: async (images, signal) => {
          const logits = await inference.run(images, signal)
          return meanLogits(logits, await inference.run(mirrored(images, size), signal))
        },
        begin: async images => {
          const one = await inference.begin(images)
          const other = await inference.begin(mirrored(images, size))
          return { rows: Promise.all([one.rows, other.rows]).then(([a, b]) => meanLogits(a, b)) }
        },
      }
