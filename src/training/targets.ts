/** Targets of a batch as probabilities: label smoothing, class weights, and the mixing of images in pairs. */
import type { RandomStream } from '../base/random.js'

/**
 * One row per image: 1 - smoothing for its class and smoothing / classes for every one, as PyTorch's `label_smoothing`.
 * Rows are scaled by their class's weight relative to the batch's mean, which is PyTorch's weighted mean of losses.
 */
export function targetsOf(
  labels: Int32Array,
  classes: number,
  rows: number,
  smoothing = 0,
  weights?: readonly number[],
): Float32Array {
  const targets = new Float32Array(rows * classes)
  const sum = weights ? labels.reduce((total, label) => total + weights[label]!, 0) : labels.length
  labels.forEach((label, row) => {
    const scale = weights ? (weights[label]! * labels.length) / sum : 1
    targets.fill((scale * smoothing) / classes, row * classes, (row + 1) * classes)
    targets[row * classes + label] = scale * (1 - smoothing + smoothing / classes)
  })
  return targets
}

/** Weights that let every class count the same: images / (classes * images of the class), as scikit-learn's 'balanced'. */
export function balancedWeights(labels: readonly number[], classes: number): number[] {
  const counts = new Array<number>(classes).fill(0)
  for (const label of labels) counts[label] = counts[label]! + 1
  return counts.map(count => (count ? labels.length / (classes * count) : 0))
}

/** A Beta(alpha, alpha) number, by Jöhnk's method, which is exact for every alpha. */
function beta(alpha: number, random: RandomStream): number {
  for (;;) {
    const x = random.next() ** (1 / alpha)
    const y = random.next() ** (1 / alpha)
    if (x + y > 0 && x + y <= 1) return x / (x + y)
  }
}

/**
 * Mixes each image with the one that stands opposite in the batch, in place (as timm's batch mode: row i with row
 * rows - 1 - i). Mixup (Zhang et al. 2018) averages pixels; CutMix (Yun et al. 2019) pastes a rectangle; targets are
 * mixed by the same share. Where both are asked for, each batch gets one of them, with equal chance.
 * @param images [rows, 3, size, size]
 */
export function mixImages(
  images: Float32Array,
  targets: Float32Array,
  rows: number,
  options: { readonly mixup: number; readonly cutmix: number },
  random: RandomStream,
): void {
  if (options.mixup === 0 && options.cutmix === 0) return
  const length = images.length / rows
  const size = Math.sqrt(length / 3)
  const cut = options.cutmix > 0 && (options.mixup === 0 || random.next() < 0.5)
  let share = beta(cut ? options.cutmix : options.mixup, random)
  if (cut) {
    const side = Math.round(size * Math.sqrt(1 - share))
    const [x, y] = [random.integer(size), random.integer(size)]
    const clip = (value: number) => Math.min(Math.max(value, 0), size)
    const [left, right] = [clip(x - (side >> 1)), clip(x - (side >> 1) + side)]
    const [top, bottom] = [clip(y - (side >> 1)), clip(y - (side >> 1) + side)]
    share = 1 - ((right - left) * (bottom - top)) / size ** 2
    inPairs(images, length, rows, (a, b, i) => {
      const row = Math.floor(i / size) % size
      const column = i % size
      return row >= top && row < bottom && column >= left && column < right ? [b, a] : [a, b]
    })
  } else inPairs(images, length, rows, (a, b) => [share * a + (1 - share) * b, share * b + (1 - share) * a])
  inPairs(targets, targets.length / rows, rows, (a, b) => [share * a + (1 - share) * b, share * b + (1 - share) * a])
}

function inPairs(
  values: Float32Array,
  length: number,
  rows: number,
  mix: (a: number, b: number, index: number) => [number, number],
): void {
  for (let row = 0; row < rows >> 1; row++)
    for (let i = 0; i < length; i++) {
      const first = row * length + i
      const second = (rows - 1 - row) * length + i
      ;[values[first], values[second]] = mix(values[first]!, values[second]!, i)
    }
}
