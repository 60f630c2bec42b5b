import { describe, expect, it } from 'vitest'
import { randomStream } from '../base/random.js'
import { balancedWeights, mixImages, targetsOf } from './targets.js'

const rounded = (values: Float32Array) => [...values].map(value => Number(value.toFixed(6)))

describe('targetsOf', () => {
  it('is one-hot, and zero for rows that pad a batch', () => {
    expect([...targetsOf(Int32Array.of(2, 0), 3, 3)]).toEqual([0, 0, 1, 1, 0, 0, 0, 0, 0])
  })

  it('spreads the smoothing over all classes, as PyTorch does', () => {
    expect(rounded(targetsOf(Int32Array.of(1), 4, 1, 0.2))).toEqual([0.05, 0.85, 0.05, 0.05])
  })

  it('weighs rows so that their mean is PyTorch’s weighted mean', () => {
    // sum(w l) / sum(w) for weights 1 and 3 is the plain mean of 0.5 l and 1.5 l.
    expect(rounded(targetsOf(Int32Array.of(0, 1), 2, 2, 0, [1, 3]))).toEqual([0.5, 0, 0, 1.5])
  })
})

describe('balancedWeights', () => {
  it('gives a class with a third of the images three times the weight', () => {
    const [a, b] = balancedWeights([0, 0, 0, 1], 2) as [number, number]
    expect(b / a).toBeCloseTo(3, 12)
    expect(3 * a + b).toBeCloseTo(4, 12)
  })
})

describe('mixImages', () => {
  const batch = () => ({
    images: Float32Array.from({ length: 4 * 3 * 64 }, (_, i) => Math.floor(i / (3 * 64))),
    targets: targetsOf(Int32Array.of(0, 1, 2, 3), 4, 4),
  })

  it.each([
    ['mixup', { mixup: 0.4, cutmix: 0 }],
    ['cutmix', { mixup: 0, cutmix: 1 }],
  ])('%s keeps the pixels’ share and the target’s share equal', (_, options) => {
    const { images, targets } = batch()
    mixImages(images, targets, 4, options, randomStream(5))
    // Row 0 was all zeros and is mixed with row 3, which was all threes.
    const mean = images.subarray(0, 3 * 64).reduce((a, b) => a + b, 0) / (3 * 64)
    expect(mean / 3).toBeCloseTo(targets[3]!, 5)
    expect(targets[0]! + targets[3]!).toBeCloseTo(1, 6)
    expect(targets[3]).toBeGreaterThan(0)
  })

  it('leaves a batch alone where neither is asked for', () => {
    const { images, targets } = batch()
    mixImages(images, targets, 4, { mixup: 0, cutmix: 0 }, randomStream(5))
    expect({ images, targets }).toEqual(batch())
  })
})
