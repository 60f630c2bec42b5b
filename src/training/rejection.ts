/** When a classifier should say that an image shows none of its classes: how sure it was of validation images that it got right. */
import { z } from 'zod'
import { RegraftError } from '../base/errors.js'
import type { Scored } from './calibration.js'
import { ranking, softmax } from './metrics.js'

export const rejectionSchema = z.object({
  /** Validation images that were classified right. */
  images: z.number().int().positive(),
  /** Quantiles of the confidence in them, from the lowest to the highest at equal distances. */
  quantiles: z.array(z.number()).min(2).readonly(),
})

export type Rejection = Readonly<z.infer<typeof rejectionSchema>>

const QUANTILES = 101

/** Share of images that were classified right and pass, where nothing else is asked for. */
export const USUAL_SHARE = 0.95

/**
 * The probability of the most probable class, by which unknown things are told from known ones (Hendrycks and Gimpel
 * 2017): without the temperature, which spreads probabilities that are to be believed, not told apart.
 */
export const confidenceOf = (logits: Float32Array): number =>
  softmax(logits).reduce((largest, p) => Math.max(largest, p), 0)

/** Undefined where no validation image was right. */
export function rejectionOf(validation: readonly Scored[]): Rejection | undefined {
  const confidences = validation
    .filter(({ logits, label }) => ranking(logits)[0] === label)
    .map(({ logits }) => confidenceOf(logits))
    .sort((a, b) => a - b)
  if (confidences.length === 0) return undefined
  const quantiles = Array.from({ length: QUANTILES }, (_, i) => {
    // The lower of two neighbours: a threshold that lets at least its share pass
    const at = Math.floor((i / (QUANTILES - 1)) * (confidences.length - 1))
    return Number(confidences[at]!.toPrecision(6))
  })
  return { images: confidences.length, quantiles }
}

/** The confidence that so large a share of right validation images had. @throws RegraftError('run') where none is known */
export function thresholdOf(rejection: Rejection | undefined, share: number, model: string): number {
  if (!rejection)
    throw new RegraftError(
      'run',
      `${model} does not hold how sure it was of its validation images, which --reject needs: it had none, or was trained by an earlier version; train it again`,
    )
  if (!(share > 0 && share < 1))
    throw new RegraftError('usage', `a share of ${share} of right images to pass: expected one between 0 and 1`)
  const { quantiles } = rejection
  return quantiles[Math.floor((1 - share) * (quantiles.length - 1) + 1e-9)]!
}
