/** Tests in pairs: exact values, and what counts as a pair. */
import { describe, expect, it } from 'vitest'
import { comparePairs, type Outcomes } from './comparePairs.js'
import { holm, mcnemar } from './mcnemar.js'
import type { StudyCell } from './record.js'

describe("McNemar's exact test", () => {
  it.each([
    [1, 5, 0.21875],
    [10, 2, 0.03857421875],
    [120, 90, 0.04511408786484073],
    [400, 300, 0.00017847631448562445],
    [3, 3, 1],
    [0, 0, 1],
  ])('of %i and %i is %f, as in exact fractions', (first, second, p) => {
    expect(mcnemar(first, second)).toBeCloseTo(p, 12)
    expect(mcnemar(second, first)).toBeCloseTo(p, 12)
  })

  it('does not run out of numbers where many images differ', () => {
    expect(mcnemar(40_000, 40_000)).toBe(1)
    expect(mcnemar(4000, 0)).toBe(0)
  })
})

it("Holm's correction keeps the order, and never makes a value smaller than a more significant one", () => {
  expect(holm([0.01, 0.04, 0.03, 0.005])).toEqual([0.03, 0.06, 0.06, 0.02])
  expect(holm([0.9, 0.8])).toEqual([1, 1])
})

describe('cells in pairs', () => {
  const cell = (name: string): StudyCell => ({ settings: { name }, runs: [] })
  const [a, b] = [cell('a'), cell('b')]
  const right = (...values: boolean[]) => new Map(values.map((value, i) => [`${i}.jpg`, value]))
  const of = (first: Map<number, Map<string, boolean>>, second: typeof first): Outcomes =>
    new Map([
      [a, first],
      [b, second],
    ])

  it('count an image over several seeds for the one that is right about it more often', () => {
    const outcomes = of(
      new Map([
        [0, right(true, true, false, false)],
        [1, right(true, false, false, true)],
      ]),
      new Map([
        [0, right(false, false, true, false)],
        [1, right(false, true, false, true)],
        [2, right(true, true, true, true)],
      ]),
    )
    expect(comparePairs([[a, b]], outcomes)).toMatchObject([{ onlyFirst: 1, onlySecond: 1 }])
  })

  it('are no pair on other images, or with no seed in common', () => {
    expect(comparePairs([[a, b]], of(new Map([[0, right(true)]]), new Map([[0, right(true, true)]])))).toBeUndefined()
    expect(comparePairs([[a, b]], of(new Map([[0, right(true)]]), new Map([[1, right(true)]])))).toBeUndefined()
  })
})
