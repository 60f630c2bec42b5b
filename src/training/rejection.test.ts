import { describe, expect, it } from 'vitest'
import type { Scored } from './calibration.js'
import { confidenceOf, rejectionOf, thresholdOf } from './rejection.js'

/** An image of the first of two classes, with such a probability of it. */
const image = (probability: number): Scored => ({
  logits: Float32Array.of(Math.log(probability), Math.log(1 - probability)),
  label: 0,
})

describe('the threshold of images that show none of the classes', () => {
  it('lets the share of right validation images pass that was asked for, and no wrong one counts', () => {
    const right = Array.from({ length: 200 }, (_, i) => image(0.6 + 0.0015 * i))
    const wrong = Array.from({ length: 50 }, () => image(0.1))
    const rejection = rejectionOf([...wrong, ...right])!
    expect(rejection.images).toBe(200)
    for (const share of [0.5, 0.9, 0.95, 0.99]) {
      const threshold = thresholdOf(rejection, share, 'a run')
      const passing = right.filter(({ logits }) => confidenceOf(logits) >= threshold).length / right.length
      expect(passing).toBeGreaterThanOrEqual(share)
      expect(passing).toBeLessThan(share + 0.015)
    }
  })

  it('is not there where no validation image was right, and that is said', () => {
    expect(rejectionOf([image(0.2)])).toBeUndefined()
    expect(() => thresholdOf(undefined, 0.95, 'runs/a')).toThrow(
      'runs/a does not hold how sure it was of its validation images, which --reject needs',
    )
  })
})
