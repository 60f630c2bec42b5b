import { describe, expect, it } from 'vitest'
import { closest } from '../base/suggest.js'
import { checkOptions } from './options.js'
import { rateFactor } from './schedule.js'

describe('options', () => {
  it('has the reference experiment’s settings by default', () => {
    const { epochs, batchSize, lrBackbone, lrHead, weightDecay, momentum, schedule, gamma, split } = checkOptions({})
    expect({ epochs, batchSize, lrBackbone, lrHead, weightDecay, momentum, schedule, gamma, split }).toEqual({
      epochs: 30,
      batchSize: 32,
      lrBackbone: 1e-3,
      lrHead: 1e-2,
      weightDecay: 5e-4,
      momentum: 0.9,
      schedule: 'exponential',
      gamma: 0.9,
      split: '7:2:1',
    })
  })

  it('names an option that is wrong, and the right one for a typo', () => {
    expect(() => checkOptions({ epochs: 0 })).toThrow(/option epochs: .*above 0/)
    expect(() => checkOptions({ epocs: 3 } as never)).toThrow("there is no option 'epocs'; did you mean 'epochs'?")
    expect(() => checkOptions({ memory: '4' })).toThrow("option memory: expected a size like '4GB' or '800MB'")
    expect(() => checkOptions({ normStatistics: 'recomputed', freezeBatchNorm: true })).toThrow(
      'option normStatistics: freezeBatchNorm keeps those that are stored; leave one of them out',
    )
    expect(() => checkOptions({ split: '0:1:1' })).toThrow('option split: the training share must not be 0')
  })
})

describe('closest', () => {
  it('finds the word that was meant, and nothing for a word from elsewhere', () => {
    expect(closest('lr-bakcbone', ['lr-head', 'lr-backbone', 'epochs'])).toBe('lr-backbone')
    expect(closest('banana', ['lr-head', 'epochs'])).toBeUndefined()
    expect(closest('zz', ['a', 'ant'])).toBeUndefined()
    expect(closest('anr', ['ant', 'bee'])).toBe('ant')
  })
})

describe('rateFactor', () => {
  it('decays by gamma per epoch, so 30 epochs sum to 9.6 times the start', () => {
    const options = { schedule: 'exponential', gamma: 0.9, epochs: 30, warmupEpochs: 0, stepEpochs: 10 } as const
    const factors = Array.from({ length: 30 }, (_, epoch) => rateFactor(epoch, options))
    expect(factors.slice(0, 3)).toEqual([1, 0.9, 0.81])
    expect(factors.reduce((a, b) => a + b, 0)).toBeCloseTo(9.576, 3)
  })

  it('falls by steps', () => {
    const options = { schedule: 'step', gamma: 0.1, epochs: 30, warmupEpochs: 0, stepEpochs: 10 } as const
    expect([0, 9, 10, 29].map(epoch => rateFactor(epoch, options))).toEqual([1, 1, 0.1, 0.1 ** 2])
  })

  it('rises linearly while it warms up', () => {
    const options = { schedule: 'constant', gamma: 1, epochs: 10, warmupEpochs: 3, stepEpochs: 10 } as const
    expect([0, 1, 2, 3, 4].map(epoch => rateFactor(epoch, options))).toEqual([0.25, 0.5, 0.75, 1, 1])
  })

  it('falls to nothing along a cosine', () => {
    const options = { schedule: 'cosine', gamma: 1, epochs: 10, warmupEpochs: 0, stepEpochs: 10 } as const
    expect(rateFactor(0, options)).toBe(1)
    expect(rateFactor(5, options)).toBeCloseTo(0.5, 12)
    expect(rateFactor(9, options)).toBeLessThan(0.03)
  })
})
