/** What is said of a split before training. */
import { describe, expect, test } from 'vitest'
import type { Dataset } from '../dataset.js'
import { imagesAcross, splitWarnings } from './balance.js'
import { split } from './split.js'

function dataset(...counts: number[]): Dataset {
  const classes = counts.map((_, label) => `class${label}`)
  const samples = counts.flatMap((count, label) =>
    Array.from({ length: count }, (_, i) => ({ path: `class${label}/${i}.jpg`, label })),
  )
  return { root: '/images', classes, samples }
}

const warnings = (counts: number[], balanced = false) => {
  const data = dataset(...counts)
  return splitWarnings(data, split(data, { seed: 0 }), balanced)
}

describe('warnings of a split', () => {
  test('none where classes are alike', () => {
    expect(warnings([30, 100, 290])).toEqual([])
  })

  test('a class with ten times the images of another, unless small classes count more already', () => {
    expect(warnings([30, 300])).toEqual([
      'class class1 has 210 training images, class class0 only 21; --class-weights balanced makes up for it',
    ])
    expect(warnings([30, 300], true)).toEqual([])
  })

  test('classes that are not measured are named, a few of them', () => {
    expect(warnings([20, 4])).toEqual([
      'class class1 has no test images: their accuracy is not known there; add images where that matters',
    ])
    expect(warnings([14, ...Array(8).fill(2)])).toEqual([
      '8 classes have no validation images (class1, class2, class3, class4, class5 and 3 more): their accuracy is not known there; add images where that matters',
      '8 classes have no test images (class1, class2, class3, class4, class5 and 3 more): their accuracy is not known there; add images where that matters',
    ])
  })

  test('nothing is said of a part that was not wanted', () => {
    const data = dataset(9, 9)
    expect(splitWarnings(data, split(data, { seed: 0, fractions: [0.8, 0.2, 0] }), false)).toEqual([])
  })
})

test('images of groups that a split tears apart are counted', () => {
  const parts = { train: [0, 1, 2, 3], val: [4, 5], test: [6] }
  const groups = [
    [0, 1],
    [2, 4],
    [3, 5, 6],
  ]
  expect(imagesAcross(groups, parts)).toBe(5)
})
