/** Random erasing (Zhong et al. 2020): a random rectangle of a network's input becomes zero, which is the mean colour. */
import type { RandomStream } from '../../base/random.js'

/** Shares of the area, and ratios of height to width, of the rectangle: torchvision's RandomErasing. */
const SCALE = [0.02, 0.33] as const
const RATIO = [0.3, 3.3] as const

/**
 * Erases in place with the given probability.
 * @param input channels first, 3 x size x size, normalised
 */
export function randomErasing(input: Float32Array, size: number, probability: number, random: RandomStream): void {
  if (random.next() >= probability) return
  const uniform = (low: number, high: number) => low + (high - low) * random.next()
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = size * size * uniform(...SCALE)
    const ratio = Math.exp(uniform(Math.log(RATIO[0]), Math.log(RATIO[1])))
    const height = Math.round(Math.sqrt(area * ratio))
    const width = Math.round(Math.sqrt(area / ratio))
    if (height >= size || width >= size) continue
    const top = random.integer(size - height + 1)
    const left = random.integer(size - width + 1)
    for (let row = 0; row < 3 * size; row++) {
      const y = row % size
      if (y >= top && y < top + height) input.fill(0, row * size + left, row * size + left + width)
    }
    return
  }
}
