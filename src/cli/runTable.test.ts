import { describe, expect, it } from 'vitest'
import type { RunResult, RunSummary } from '../training/index.js'
import { checkOptions } from '../training/index.js'
import { runConfig } from '../training/runConfig.testing.js'
import { runTable } from './runTable.js'
import { columns } from './terminal/width.js'

const metrics = (top1: number) => ({ images: 875, loss: 0.2, top1, top5: 1, meanPerClass: top1 - 0.01 })
const interval = (top1: number) => ({ ...metrics(top1), interval: [top1 - 0.02, top1 + 0.02] as [number, number] })

function run(folder: string, date: string, lrHead: number, test: number | undefined): RunSummary {
  const best = {
    epoch: 3,
    lrBackbone: 0,
    lrHead,
    seconds: 1,
    imagesPerSecond: 10,
    train: metrics(0.99),
    validation: metrics(0.95),
  }
  const result: RunResult = {
    bestEpoch: 3,
    test: interval(test ?? 0),
    perClass: [],
    confusion: [],
    seconds: { total: 1, training: 1 },
  }
  // What is resolved differs, too, and is no setting of its own
  const resolved = {
    ...runConfig.resolved,
    cacheFeatures: lrHead > 0.1,
    augment: lrHead > 0.1 ? 'none' : 'crop-flip',
  } as const
  return {
    run: folder,
    config: {
      ...runConfig,
      resolved,
      options: checkOptions({ lrHead }) as typeof runConfig.options,
      started: `${date}T08:00:00.000Z`,
    },
    history: [best],
    best,
    result: test === undefined ? undefined : result,
  }
}

const runs = [
  run('runs/a-study-of-many-things/lrHead-0.001_seed0', '2026-03-01', 1e-3, 0.91),
  run('runs/b', '2026-02-01', 1, undefined),
  run('runs/c', '2026-01-01', 1e-2, 0.942),
]
const names = (table: string) => [...table.matchAll(/^runs?\S*(?:_seed0|b|c)(?=\s)/gm)].map(match => match[0])

describe('the table of runs', () => {
  it('has dates, intervals and the settings that differ, without what follows from them', () => {
    const [head, , first] = runTable(runs, undefined, Number.POSITIVE_INFINITY).split('\n')
    expect(head!.split(/ {2,}/)).toEqual([
      'run',
      'lr-head',
      'date',
      'state',
      'best epoch',
      'val top-1',
      'test top-1',
      '95 % interval',
      'test per class',
    ])
    expect(first).toMatch(/0\.001 {2}2026-03-01 .* 91\.0 % .*89\.0 to 93\.0/)
  })

  it.each([80, 60, 40])('fits %i columns, with everything in it', width => {
    const table = runTable(runs, undefined, width)
    for (const line of table.split('\n')) expect(columns(line)).toBeLessThanOrEqual(width)
    for (const part of ['2026-03-01', '89.0 to 93.0', '91.0 %', 'lr-head 0.001', '_seed0', '94.2 %'])
      expect(table).toContain(part)
  })

  it('is sorted by any column: accuracies with the best first, what has no value last', () => {
    expect(names(runTable(runs, 'test', 80)).map(name => name.at(-1))).toEqual(['c', '0', 'b'])
    expect(names(runTable(runs, 'date', 80)).map(name => name.at(-1))).toEqual(['c', 'b', '0'])
    expect(names(runTable(runs, 'lr-head', 80)).map(name => name.at(-1))).toEqual(['0', 'c', 'b'])
    expect(() => runTable(runs, 'lr-haed')).toThrow(
      "--sort lr-haed: there is no such column; did you mean 'lr-head'?; there are run, date",
    )
  })
})
