/** Calibration: whether probabilities mean what they say, and the temperature that makes them (Guo et al. 2017). */
import { softmax } from './metrics.js'

/** Images whose highest probability falls into one of equal bins. */
export interface CalibrationBin {
  /** Mean of the highest probabilities. */
  readonly confidence: number
  /** Share of images whose class is right. */
  readonly accuracy: number
  readonly images: number
}

export interface Reliability {
  /** Expected calibration error: mean distance of confidence and accuracy, weighted by the images of each bin. */
  readonly ece: number
  readonly bins: readonly CalibrationBin[]
}

/** Logits of one image with its class. */
export interface Scored {
  readonly logits: Float32Array
  readonly label: number
}

/** Fifteen bins of equal width, as in the paper; empty ones are left out. */
export function reliability(images: readonly Scored[], temperature = 1): Reliability {
  const count = 15
  const bins = Array.from({ length: count }, () => ({ confidence: 0, right: 0, images: 0 }))
  for (const { logits, label } of images) {
    const probabilities = softmax(logits.map(z => z / temperature))
    let best = 0
    probabilities.forEach((p, c) => {
      if (p > probabilities[best]!) best = c
    })
    const confidence = probabilities[best]!
    const bin = bins[Math.min(count - 1, Math.floor(confidence * count))]!
    bin.confidence += confidence
    bin.right += best === label ? 1 : 0
    bin.images++
  }
  const filled = bins.filter(bin => bin.images > 0)
  return {
    ece: filled.reduce((sum, bin) => sum + Math.abs(bin.confidence - bin.right), 0) / Math.max(images.length, 1),
    bins: filled.map(bin => ({
      confidence: bin.confidence / bin.images,
      accuracy: bin.right / bin.images,
      images: bin.images,
    })),
  }
}

/** Temperatures are sought between its inverse and it. */
const EXTREME = 100

/**
 * The temperature that logits are divided by so that their mean cross-entropy is smallest. The loss is convex in
 * 1 / temperature, so its derivative's zero is found by bisection between 1/100 and 100.
 */
export function fitTemperature(images: readonly Scored[]): number {
  if (images.length === 0) return 1
  // Where every image is right, surer is better without end
  if (images.every(({ logits, label }) => logits.every((z, c) => c === label || z < logits[label]!))) return 1 / EXTREME
  const slope = (inverse: number) =>
    images.reduce((sum, { logits, label }) => {
      const probabilities = softmax(logits.map(z => z * inverse))
      return sum + probabilities.reduce((mean, p, c) => mean + p * logits[c]!, 0) - logits[label]!
    }, 0)
  let [low, high] = [-Math.log(EXTREME), Math.log(EXTREME)]
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2
    if (slope(Math.exp(middle)) < 0) low = middle
    else high = middle
  }
  return Math.exp(-(low + high) / 2)
}

/** A temperature that was fitted, and why it is not used. */
export interface Refused {
  readonly fitted: number
  /** `bound`: it came to the end of the range, so there is none that is best; `unproven`: see `chooseTemperature`. */
  readonly reason: 'bound' | 'unproven'
  /** Expected calibration error of the test images with it. */
  readonly ece: number
}

/** Parts into which validation images are divided to try temperatures. */
const FOLDS = 5

/**
 * The temperature that is fitted on validation images, or 1 where it lies at an end of the range (all of them right, or no
 * better than chance), and where temperatures do not prove themselves: each fifth of the validation images is given the
 * temperature that is fitted on the others, and the mean cross-entropy is then no lower than without. The test images
 * have no say; what it does to them is only measured.
 */
export function chooseTemperature(
  validation: readonly Scored[],
  test: readonly Scored[],
): { readonly temperature: number; readonly refused?: Refused } {
  const fitted = fitTemperature(validation)
  const atBound = Math.abs(Math.log(fitted)) > Math.log(0.98 * EXTREME)
  if (!atBound && provesItself(validation)) return { temperature: fitted }
  const reason = atBound ? 'bound' : 'unproven'
  return { temperature: 1, refused: { fitted, reason, ece: reliability(test, fitted).ece } }
}

/** Whether temperatures that are fitted on some of the images lower the cross-entropy of the others. */
function provesItself(images: readonly Scored[]): boolean {
  let gained = 0
  for (let fold = 0; fold < FOLDS; fold++) {
    // Images come class by class: every fifth has some of each
    const temperature = fitTemperature(images.filter((_, i) => i % FOLDS !== fold))
    for (let i = fold; i < images.length; i += FOLDS)
      gained += crossEntropy(images[i]!, 1) - crossEntropy(images[i]!, temperature)
  }
  return gained > 0
}

/** -log of the probability of the true class. */
function crossEntropy({ logits, label }: Scored, temperature: number): number {
  const highest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  const sum = logits.reduce((total, z) => total + Math.exp((z - highest) / temperature), 0)
  return Math.log(sum) - (logits[label]! - highest) / temperature
}
