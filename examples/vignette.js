/** An augmentation of one's own: every second training image gets dark corners, as some lenses make them. */

/**
 * @param {Uint8Array} pixels size x size pixels of red, green and blue; changed in place
 * @param {number} size
 * @param {{ next(): number }} random this image's stream in this epoch: with it alone, runs can be repeated
 */
export default function vignette(pixels, size, random) {
  if (random.next() < 0.5) return
  const strength = 0.2 + 0.5 * random.next()
  const middle = (size - 1) / 2
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++) {
      const distance = ((x - middle) ** 2 + (y - middle) ** 2) / (2 * middle ** 2)
      const factor = 1 - strength * distance
      for (let at = 3 * (y * size + x), end = at + 3; at < end; at++)
        pixels[at] = Math.round((pixels[at] ?? 0) * factor)
    }
}
