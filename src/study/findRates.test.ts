import { describe, expect, it } from 'vitest'
import { findingOf, sweptRates } from './findRates.js'

describe('the learning-rate finder', () => {
  it('sweeps rates by a constant factor', () => {
    const rates = sweptRates([1e-5, 10], 7)
    expect(rates[0]).toBe(1e-5)
    expect(rates[6]).toBeCloseTo(10, 12)
    expect(rates[3]! / rates[2]!).toBeCloseTo(10, 12)
  })

  it('suggests a tenth of the rate with the lowest loss, and tells where the loss doubled', () => {
    const rates = [1e-4, 1e-3, 1e-2, 1e-1, 1, 10]
    const finding = findingOf('head', rates, [2, 1.9, 1.2, 0.8, 1.3, 1.7])
    expect(finding).toMatchObject({ suggestion: 0.01, lowest: 0.1, diverged: 10 })
    expect(findingOf('head', rates, [2, 1.9, 1.2, 0.8]).diverged).toBeUndefined()
  })
})
