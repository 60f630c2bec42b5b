import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { checkOptions } from '../training/index.js'
import { parseStudy } from './definition.js'
import { cellOptions, planStudy } from './plan.js'

const plan = (yaml: string, more = {}) =>
  planStudy(parseStudy(yaml, 'study.yaml'), {
    data: 'photos',
    scaleEpochs: 1,
    command: '',
    started: '',
    ...more,
  })

const reference = readFileSync(new URL('../../assets/studies/caltech101-reference.yaml', import.meta.url), 'utf8')

describe('the reference study', () => {
  it('runs the baseline, which stands in four tables, once: ten different configurations', () => {
    const { cells, tables } = plan(reference)
    expect(cells).toHaveLength(10)
    expect(cells.map(({ settings }) => settings)).toEqual([
      {},
      { lrBackbone: 0 },
      { lrBackbone: 0.01 },
      { lrHead: 0.0001 },
      { lrHead: 0.01 },
      { batchSize: 16 },
      { batchSize: 64 },
      { epochs: 10 },
      { epochs: 50 },
      { lrBackbone: 0.001, lrHead: 0.01 },
    ])
    expect(tables.map(({ option, rows }) => [option, rows.map(({ cell }) => cell)])).toEqual([
      ['lrBackbone', [1, 0, 2]],
      ['lrHead', [3, 0, 4]],
      ['batchSize', [5, 0, 6]],
      ['epochs', [7, 0, 8]],
    ])
    expect(tables[0]?.rows.map(({ reference }) => reference)).toEqual([0.924, 0.946, 0.972])
  })

  it('names the folder of each run', () => {
    const { cells } = plan(reference)
    expect(cells.slice(0, 3).map(({ runs }) => runs[0]?.folder)).toEqual([
      'base_seed0',
      'lrBackbone-0_seed0',
      'lrBackbone-0.01_seed0',
    ])
  })

  it('is made cheaper by the same measure in every cell, and rates fall as far as in the full one', () => {
    const { base, cells } = plan(reference)
    const epochs = cells.map(({ settings }) => cellOptions(base, settings, 0.1).epochs)
    expect(epochs).toEqual([3, 3, 3, 3, 3, 3, 3, 1, 5, 3])
    const { gamma } = cellOptions(base, {}, 0.1)
    expect((gamma as number) ** 3).toBeCloseTo(0.9 ** 30, 12)
  })
})

describe('a study at a share of its epochs', () => {
  const base = {
    epochs: 30,
    schedule: 'step',
    stepEpochs: 10,
    warmupEpochs: 3,
    patience: 8,
    mixup: 0.2,
    mixOffEpochs: 5,
    unfreeze: ['head:6', 'layer4:9', 'all'],
  }

  it('shortens everything that counts epochs', () => {
    const options = cellOptions(base, {}, 0.5)
    expect(options).toMatchObject({ epochs: 15, stepEpochs: 5, warmupEpochs: 2, patience: 4, mixOffEpochs: 3 })
    expect(options.unfreeze).toEqual(['head:3', 'layer4:5', 'all'])
    // What is no length in epochs, or was not given, is as it was
    expect(cellOptions({ epochs: 30, warmupSteps: 100 }, {}, 0.1)).toMatchObject({
      warmupSteps: 100,
      warmupEpochs: 0,
      mixOffEpochs: 0,
      unfreeze: [],
    })
    expect(cellOptions({ epochs: 30 }, {}, 0.1).patience).toBeUndefined()
  })

  it.each([
    [0.1, { epochs: 3, warmupEpochs: 1, patience: 1, mixOffEpochs: 1 }, ['head:1', 'layer4:1', 'all']],
    [0.05, { epochs: 2, mixOffEpochs: 1 }, ['layer4:1', 'all']],
    [0.01, { epochs: 1, mixOffEpochs: 0 }, ['all']],
  ])('at %d images are still mixed in an epoch, and all is still trained in one', (share, lengths, unfreeze) => {
    const options = cellOptions(base, {}, share)
    expect(options).toMatchObject({ ...lengths, unfreeze })
    expect(() => checkOptions(options)).not.toThrow()
  })

  it('compares trials of a halving study after a share of their epochs, too', () => {
    const yaml = '{name: h, kind: halving, min-epochs: 10, base: {epochs: 90}, vary: {lr-head: [0.1, 0.01]}}'
    expect(plan(yaml).halving).toEqual({ reduction: 3, minEpochs: 10 })
    expect(plan(yaml, { scaleEpochs: 0.3 }).halving).toEqual({ reduction: 3, minEpochs: 3 })
    expect(plan(yaml, { scaleEpochs: 0.01 }).halving).toEqual({ reduction: 3, minEpochs: 1 })
  })
})

describe('other studies', () => {
  it('are a grid of all combinations', () => {
    const { cells } = plan('{name: g, kind: grid, vary: {lr-head: [0.1, 0.01], batch-size: [8, 16, 32]}}')
    expect(cells.map(({ settings }) => [settings.lrHead, settings.batchSize])).toEqual([
      [0.1, 8],
      [0.1, 16],
      [0.1, 32],
      [0.01, 8],
      [0.01, 16],
      [0.01, 32],
    ])
  })

  it('draw trials from logarithmic ranges, the same for the same seed', () => {
    const yaml = '{name: r, kind: random, trials: 200, vary: {lr-head: {log-uniform: [1e-4, 1e-1]}}}'
    const values = plan(yaml).cells.map(({ settings }) => settings.lrHead as number)
    expect(Math.min(...values)).toBeGreaterThanOrEqual(1e-4)
    expect(Math.max(...values)).toBeLessThanOrEqual(1e-1)
    // A third of the draws in each of three decades.
    const middle = values.filter(value => value > 1e-3 && value < 1e-2).length
    expect(middle / values.length).toBeGreaterThan(0.23)
    expect(middle / values.length).toBeLessThan(0.43)
    expect(plan(yaml)).toEqual(plan(yaml))
  })

  it('run every cell with each seed', () => {
    const { cells } = plan('{name: s, kind: grid, seeds: [3, 4], vary: {lr-head: [0.1]}}')
    expect(cells[0]?.runs).toEqual([
      { seed: 3, folder: 'lrHead-0.1_seed3', state: 'waiting' },
      { seed: 4, folder: 'lrHead-0.1_seed4', state: 'waiting' },
    ])
  })
})

describe('what is wrong with a study', () => {
  it.each([
    [
      '{name: a, kind: grid, vary: {lr-haed: [1]}}',
      "study.yaml: there is no option 'lr-haed'; did you mean 'lr-head'?",
    ],
    ['{name: a, kind: grid, varry: {}}', "study.yaml: there is no entry 'varry'; did you mean 'vary'?"],
    ['{name: a, kind: gird, vary: {}}', /study.yaml: kind: Invalid option/],
    ['{name: a/b, kind: grid, vary: {}}', 'study.yaml: name: expected letters, digits, dots, dashes and underscores'],
    [
      '{name: a, kind: grid, vary: {lr-head: {uniform: [0, 1]}}}',
      'study.yaml: vary.lr-head: a grid study takes lists of values, no ranges',
    ],
    ['name: [', /study.yaml is no YAML: /],
  ])('%s', (yaml, message) => {
    expect(() => parseStudy(yaml, 'study.yaml')).toThrow(message)
  })

  it('is found before anything runs: a value that an option does not take', () => {
    expect(() => plan('{name: a, kind: grid, vary: {epochs: [0]}}')).toThrow(/option epochs: .*above 0/)
  })
})
