/** The time that is left of a study. */
import { describe, expect, it } from 'vitest'
import { timeLeft } from './timeLeft.js'

describe('the time that is left of a study', () => {
  it('is not known until a run has finished', () => expect(timeLeft(8, [3], undefined, 2)).toBeUndefined())

  it('shares what waits and what is left of running ones among the places', () =>
    expect(timeLeft(4, [10, 40], 60, 2)).toBe((4 * 60 + 50 + 20) / 2))

  it('is that of the slowest at the end, and never below nothing', () => {
    expect(timeLeft(0, [10, 40], 60, 8)).toBe(50)
    expect(timeLeft(0, [90], 60, 1)).toBe(0)
  })

  it('counts those that run where nobody says how many can', () => expect(timeLeft(3, [0, 0, 0], 60, 0)).toBe(120))
})
