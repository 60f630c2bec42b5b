import { describe, expect, it } from 'vitest'
import { niceDomain, spread, wholeTicks } from './axes.js'

describe('axes', () => {
  it('end on round numbers around all values, and never above what can be', () => {
    expect(niceDomain([62.3, 97.1], { least: 5, highest: 100 })).toEqual([60, 100])
    expect(niceDomain([99.8, 100], { least: 5, highest: 100 })).toEqual([95, 100])
    expect(niceDomain([0.31, 1.74], { least: 0.1, from: 0 })).toEqual([0, 2])
  })

  it('stand for one value, for none and for a loss that is not finite', () => {
    const [low, high] = niceDomain([75.4], { least: 5, highest: 100 })
    expect([low < 75.4, high > 75.4, high - low >= 5]).toEqual([true, true, true])
    expect(niceDomain([], { least: 5, highest: 100 }).every(Number.isFinite)).toBe(true)
    expect(niceDomain([Number.NaN, 1], { least: 0.1, from: 0 })).toEqual([0, 1])
  })

  it('have ticks at whole epochs only', () => {
    expect(wholeTicks(1, 1)).toEqual([1])
    expect(wholeTicks(1, 3)).toEqual([1, 2, 3])
    expect(wholeTicks(1, 30)).toEqual([1, 5, 10, 15, 20, 25, 30])
    expect(wholeTicks(1, 100)).toEqual([1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100])
  })
})

describe('labels', () => {
  it('keep apart and in order, and stay inside', () => {
    expect(spread([10, 100], 17, 320)).toEqual([10, 100])
    expect(spread([104, 100], 17, 320)).toEqual([117, 100])
    expect(spread([310, 318, 319], 17, 320)).toEqual([286, 303, 320])
  })
})
