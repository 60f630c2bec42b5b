/** Splits: disjoint, complete, stratified, the same for the same seed, restorable. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Dataset } from '../dataset.js'
import { classesWithout, split, splitFromPaths, splitToPaths } from './split.js'

/** A data set with so many images in each class. */
function dataset(...counts: number[]): Dataset {
  const classes = counts.map((_, label) => `class${label}`)
  const samples = counts.flatMap((count, label) =>
    Array.from({ length: count }, (_, i) => ({ path: `class${label}/${i}.jpg`, label })),
  )
  return { root: '/images', classes, samples }
}

const sizes = ({ train, val, test }: { train: readonly number[]; val: readonly number[]; test: readonly number[] }) => [
  train.length,
  val.length,
  test.length,
]

const counts = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 2, maxLength: 8 })

describe('split', () => {
  test('every image is in exactly one part, and every class has a training image', () => {
    const shares = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.nat(9), fc.nat(9))
    fc.assert(
      fc.property(counts, shares, fc.nat(), (counts, [a, b, c], seed) => {
        const data = dataset(...counts)
        const sum = a + b + c
        const parts = split(data, { fractions: [a / sum, b / sum, c / sum], seed })
        const all = [...parts.train, ...parts.val, ...parts.test].sort((x, y) => x - y)
        expect(all).toEqual([...data.samples.keys()])
        expect(classesWithout(data, parts.train)).toEqual([])
      }),
    )
  })

  test('each class is divided by the fractions, to the nearest image', () => {
    fc.assert(
      fc.property(counts, fc.nat(), (counts, seed) => {
        const data = dataset(...counts)
        const { val, test } = split(data, { seed })
        for (const [label, count] of counts.entries()) {
          const of = (part: readonly number[]) => part.filter(i => data.samples[i]!.label === label).length
          expect(of(val)).toBe(Math.round(count * 0.2))
          expect(of(test)).toBe(Math.round(count * 0.1))
        }
      }),
    )
  })

  test('the seed decides, and other classes do not matter', () => {
    const paths = (data: Dataset, seed: number) => splitToPaths(data, split(data, { seed }))
    expect(paths(dataset(50, 50), 1)).toEqual(paths(dataset(50, 50), 1))
    expect(paths(dataset(50, 50), 2)).not.toEqual(paths(dataset(50, 50), 1))
    const own = (all: readonly string[]) => all.filter(path => path.startsWith('class0/'))
    expect(own(paths(dataset(50, 3, 9), 1).test)).toEqual(own(paths(dataset(50, 50), 1).test))
  })

  test('classes too small for validation or test are named', () => {
    const data = dataset(20, 2, 3)
    const parts = split(data, { seed: 0 })
    expect(classesWithout(data, parts.val)).toEqual(['class1'])
    expect(classesWithout(data, parts.test)).toEqual(['class1', 'class2'])
  })

  test('fractions that do not sum to 1 are refused', () => {
    expect(() => split(dataset(9, 9), { fractions: [0.7, 0.2, 0.2], seed: 0 })).toThrow('three shares that sum to 1')
    expect(() => split(dataset(9, 9), { fractions: [0, 0.5, 0.5], seed: 0 })).toThrow('training must have some')
    expect(() => split(dataset(9, 9), { fractions: [Number.NaN, 0.5, 0.5], seed: 0 })).toThrow('three shares')
  })
})

describe('a predefined split', () => {
  const data = dataset(40, 50)
  const train = [...Array(72).keys()]
  const rest = [...Array(18).keys()].map(i => 72 + i)

  test('is used as it is', () => {
    const predefined = { train, val: rest.slice(0, 9), test: rest.slice(9) }
    expect(split({ ...data, predefined }, { seed: 5 })).toEqual(predefined)
  })

  test('gets its missing part from the training images', () => {
    const withoutTest = split({ ...data, predefined: { train, val: rest, test: [] } }, { seed: 5 })
    expect(withoutTest.val).toEqual(rest)
    // 40 and 32 images in the classes, of which 0.1 / (0.7 + 0.1)
    expect(sizes(withoutTest)).toEqual([63, 18, 9])
    const withoutVal = split({ ...data, predefined: { train, val: [], test: rest } }, { seed: 5 })
    expect(withoutVal.test).toEqual(rest)
    expect(sizes(withoutVal)).toEqual([56, 16, 18])
  })
})

describe('paths', () => {
  test('restore the split, also after images were added', () => {
    const before = dataset(10, 10)
    const parts = split(before, { seed: 3 })
    const paths = splitToPaths(before, parts)
    expect(splitFromPaths(before, JSON.parse(JSON.stringify(paths)))).toEqual(parts)
    const after = dataset(15, 10)
    expect(splitToPaths(after, splitFromPaths(after, paths))).toEqual(paths)
  })

  test('name an image that is gone', () => {
    const paths = { train: ['class0/77.jpg'], val: [], test: [] }
    expect(() => splitFromPaths(dataset(10, 10), paths)).toThrow('class0/77.jpg is part of the run')
  })
})
