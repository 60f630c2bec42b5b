/** Splits with groups: no group on two sides, every image once, shares as near as the groups allow. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Dataset } from '../dataset.js'
import { classesWithout, split } from './split.js'

function dataset(...counts: number[]): Dataset {
  const classes = counts.map((_, label) => `class${label}`)
  const samples = counts.flatMap((count, label) =>
    Array.from({ length: count }, (_, i) => ({ path: `class${label}/${i}.jpg`, label })),
  )
  return { root: '/images', classes, samples }
}

const counts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 2, maxLength: 6 })

describe('split with groups', () => {
  test('keeps each group on one side, every image once, and every class in training', () => {
    fc.assert(
      fc.property(counts, fc.array(fc.nat(12), { minLength: 240, maxLength: 240 }), fc.nat(), (counts, tags, seed) => {
        const data = dataset(...counts)
        const all = [...data.samples.keys()]
        // Tag 0 to 8: groups of any size, across classes; the others are single
        const groups = Array.from({ length: 9 }, (_, tag) => all.filter(i => tags[i] === tag))
        const parts = split(data, { seed, groups })
        expect([...parts.train, ...parts.val, ...parts.test].sort((a, b) => a - b)).toEqual(all)
        const side = new Map(Object.entries(parts).flatMap(([name, part]) => part.map((i: number) => [i, name])))
        for (const group of groups) expect(new Set(group.map(i => side.get(i))).size).toBeLessThanOrEqual(1)
        expect(classesWithout(data, parts.train)).toEqual([])
      }),
    )
  })

  test('keeps the shares of both classes where each image of one is a crop of one of the other', () => {
    const data = dataset(100, 100, 30)
    const groups = Array.from({ length: 100 }, (_, i) => [i, 100 + i])
    const { train, val, test } = split(data, { seed: 1, groups })
    const sizes = [train, val, test].map(part =>
      [0, 1, 2].map(c => part.filter(i => data.samples[i]!.label === c).length),
    )
    expect(sizes).toEqual([
      [70, 70, 21],
      [20, 20, 6],
      [10, 10, 3],
    ])
  })

  test('has exact shares where single images can make up for groups', () => {
    const data = dataset(50, 20)
    const { val, test } = split(data, {
      seed: 4,
      groups: [
        [0, 1, 2, 3],
        [7, 8, 51],
        [10, 60],
      ],
    })
    expect([val.length, test.length]).toEqual([14, 7])
  })

  test('a group larger than any held-out part goes to training', () => {
    const group = [...Array(9).keys()]
    expect(split(dataset(20, 20), { seed: 2, groups: [group] }).train).toEqual(expect.arrayContaining(group))
  })

  test('groups are drawn by the seed, into all parts', () => {
    const data = dataset(40, 40)
    const groups = Array.from({ length: 20 }, (_, i) => [2 * i, 2 * i + 1])
    const one = split(data, { seed: 1, groups })
    expect(split(data, { seed: 1, groups })).toEqual(one)
    expect(split(data, { seed: 2, groups })).not.toEqual(one)
    expect(one.val.filter(i => i < 40).length).toBe(8)
    expect(one.test.filter(i => i < 40).length).toBe(4)
  })

  test('no groups change nothing', () => {
    const data = dataset(31, 17, 5)
    for (const seed of [0, 1, 2]) expect(split(data, { seed, groups: [] })).toEqual(split(data, { seed }))
  })

  test('a predefined part stays; what is taken from training keeps groups together', () => {
    const data = { ...dataset(30), predefined: { train: [...Array(25).keys()], val: [25, 26, 27, 28, 29], test: [] } }
    const groups = [...Array.from({ length: 12 }, (_, i) => [2 * i, 2 * i + 1]), [24, 25]]
    const parts = split(data, { seed: 3, groups })
    expect(parts.val).toEqual([25, 26, 27, 28, 29])
    expect(parts.test.length).toBe(3)
    for (const [a, b] of groups.slice(0, 12)) expect(parts.test.includes(a!)).toBe(parts.test.includes(b!))
  })
})
