import { describe, expect, it } from 'vitest'
import type { RunSummary } from '../training/index.js'
import { runConfig } from '../training/runConfig.testing.js'
import { differentImages } from './sameImages.js'

const run = (name: string, data: string, val: string[], test: string[]): RunSummary => ({
  run: name,
  config: { ...runConfig, data, split: { train: [], val, test } },
  history: [],
})

describe('runs on different images', () => {
  it('are told, with what each saw', () => {
    const runs = [
      run('a', '/x/cats', ['1'], ['2', '3']),
      run('b', '/x/dogs', ['1'], ['4']),
      run('c', '/x/cats', ['1'], ['3', '2']),
    ]
    expect(differentImages(runs)).toBe(
      'these runs have different test images, so differences of test accuracy may come from those (a, c: 2 images of cats; b: 1 image of dogs)',
    )
  })

  it('of one folder need the same split', () => {
    expect(differentImages([run('a', 'x', ['1'], ['2']), run('b', 'x', ['2'], ['1'])])).toMatch(
      /; train with the same --split and --split-seed to compare$/,
    )
    expect(differentImages([run('a', 'x', ['1', '4'], ['2']), run('b', 'x', ['1', '3'], ['2'])])).toMatch(
      /^these runs have different validation images/,
    )
  })

  it('are not those that saw the same', () => {
    expect(differentImages([run('a', 'x', ['1'], ['2']), run('b', './x', ['1'], ['2'])])).toBeUndefined()
  })
})
