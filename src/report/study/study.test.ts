import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { luckiest, type StudyCell, type StudyRecord, type StudyRun } from '../../study/index.js'
import { wilsonInterval } from '../../training/index.js'
import { writeReport } from '../index.js'
import { conclude as concludeFrom, type Row } from './conclusion.js'
import { differencesOf } from './pairs.js'
import { cellScore, chosen } from './scores.js'

const images = 875

const partition = (top1: number) => ({
  images,
  loss: 1 - top1,
  top1,
  top5: 1,
  meanPerClass: top1 - 0.02,
  interval: wilsonInterval(top1, images),
})

const done = (seed: number, validation: number, test: number): StudyRun => ({
  seed,
  folder: `runs/${seed}-${validation}-${test}`,
  state: 'done',
  epochs: 10,
  bestEpoch: 8,
  validation: partition(validation),
  test: partition(test),
  seconds: 60,
})

const cell = (settings: StudyCell['settings'], ...tests: readonly (readonly [validation: number, test: number])[]) => ({
  settings,
  runs: tests.map(([validation, test], seed) => done(seed, validation, test)),
})

const record: StudyRecord = {
  name: 'reference',
  kind: 'one-at-a-time',
  data: 'images',
  base: { epochs: 30, batchSize: 32, lrBackbone: 1e-4, lrHead: 1e-3 },
  seeds: [0, 1],
  scaleEpochs: 0.5,
  cells: [
    cell({}, [0.944, 0.942], [0.948, 0.95]),
    cell({ lrBackbone: 0 }, [0.92, 0.922], [0.924, 0.926]),
    cell({ lrBackbone: 1e-2 }, [0.975, 0.97], [0.971, 0.974]),
    cell({ lrHead: 1e-4 }, [0.79, 0.79], [0.8, 0.796]),
    // Less accurate on validation images than the best, more on test images.
    cell({ lrHead: 1e-2 }, [0.952, 0.953], [0.955, 0.979]),
    cell({ batchSize: 16 }, [0.951, 0.956], [0.95, 0.956]),
    {
      settings: { batchSize: 64 },
      runs: [
        done(0, 0.94, 0.936),
        { seed: 1, folder: 'runs/f', state: 'failed', reason: 'the loss became NaN at <epoch 2>' },
      ],
    },
  ],
  tables: [
    {
      option: 'lrBackbone',
      rows: [
        { value: 0, cell: 1, reference: 0.924 },
        { value: 1e-4, cell: 0, reference: 0.946 },
        { value: 1e-2, cell: 2, reference: 0.972 },
      ],
    },
    {
      option: 'lrHead',
      rows: [
        { value: 1e-4, cell: 3, reference: 0.793 },
        { value: 1e-3, cell: 0, reference: 0.946 },
        { value: 1e-2, cell: 4, reference: 0.953 },
      ],
    },
    {
      option: 'batchSize',
      rows: [
        { value: 16, cell: 5, reference: 0.956 },
        { value: 32, cell: 0, reference: 0.946 },
        { value: 64, cell: 6, reference: 0.936 },
      ],
    },
  ],
  command: 'npx regraft study reference images --scale-epochs 0.5',
  started: '2026-01-02T03:04:05.000Z',
}

let folder: string
const write = async (name: string, content: StudyRecord) => {
  const study = join(folder, name)
  await mkdir(study)
  await writeFile(join(study, 'study.json'), JSON.stringify(content))
  return study
}
const markdownOf = async (study: string, language: 'en' | 'zh' = 'en') =>
  (await readFile((await writeReport(study, { language })).markdown, 'utf8')).replaceAll('\u00a0', ' ')

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regraft-study-report-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('the report of a study that varies one thing at a time', () => {
  let markdown: string
  beforeAll(async () => {
    markdown = await markdownOf(await write('reference', record))
  })

  it('has each table with means, deviations, intervals and the reference beside them', () => {
    expect(markdown).toContain('### Backbone learning rate')
    expect(markdown).toContain('| 0 (frozen) | 92.2 ± 0.3 | 92.4 ± 0.3 | 90.5 to 94.0 % | 90.4 | 92.4 | 2 |')
    expect(markdown).toContain('| 1e-4 (baseline) | 94.6 ± 0.3 | 94.6 ± 0.6 | 92.9 to 95.9 % | 92.6 | 94.6 | 2 |')
    expect(markdown).toContain('| 64 | 94.0 | 93.6 | 91.8 to 95.0 % | 91.6 | 93.6 | 1 |')
  })

  it('concludes what the numbers bear', () => {
    expect(markdown).toContain('> Larger is better: +4.8 points from 0 (frozen) to 1e-2, beyond the interval.')
    expect(markdown).toContain(
      '> Larger is better: +17.3 points from 1e-4 to 1e-2, beyond the interval. 1e-3 cannot be told apart from 1e-2.',
    )
    expect(markdown).toContain(
      '> This lies within the noise: the intervals of all rows overlap, and best and worst are 2.0 points apart.',
    )
    expect(markdown).toContain('The reference has its best result at 1e-2 too (97.2 %).')
  })

  it('chooses by validation accuracy, and names the best test accuracy for what it is', () => {
    expect(markdown).toContain(
      '| **Chosen by validation accuracy** | **Backbone learning rate 1e-2** | **97.3 ± 0.3** |',
    )
    expect(markdown).toContain(
      '| Best test accuracy (selected on the test split) | Head learning rate 1e-2, seed 1 | 95.5 | 97.9 |',
    )
    expect(markdown).toContain('Best test accuracy of all runs: **97.9 %** (selected on the test split, so flattered)')
  })

  it('says how cells were made cheaper, what failed and why, and how to repeat it', () => {
    expect(markdown).toContain('epochs were multiplied by 0.5, for every setting alike')
    expect(markdown).toContain('| Batch size 64 | 1 | the loss became NaN at &lt;epoch 2&gt; |')
    expect(markdown).toContain('```\nnpx regraft study reference images --scale-epochs 0.5\n```')
  })

  it('stands with and without test images that have twins in other parts, where there are such', async () => {
    expect(markdown).not.toContain('without twins')
    const twins = { test: 7, without: { ...partition(0.9), images: images - 7 } }
    const cells = record.cells.map(one => ({
      ...one,
      runs: one.runs.map(run => (run.state === 'done' ? { ...run, twins } : run)),
    }))
    const study = await write('twins', { ...record, cells })
    const told = await markdownOf(study)
    expect(told).toContain('| Test, % | 95 % interval | Test without twins, % |')
    expect(told).toContain('| 0 (frozen) | 92.2 ± 0.3 | 92.4 ± 0.3 | 90.5 to 94.0 % | 90.0 ± 0.0 |')
    expect(told).toContain('7 test images show the same picture as images in training or validation')
    expect(told).toContain('On the other 868 it is 90.0 %')
    expect(await markdownOf(study, 'zh')).toContain('去除重复图像的测试准确率')
  })

  it('says the same in Chinese', async () => {
    const chinese = await markdownOf(join(folder, 'reference'), 'zh')
    expect(chinese).toContain('取值越大越好：从 0（冻结） 到 1e-2，准确率提高 4.8 个百分点，超出置信区间。')
    expect(chinese).toContain('差异在噪声范围之内：所有行的区间相互重叠，最好与最差相差 2.0 个百分点。')
    expect(chinese).toContain('最高测试准确率（在测试集上挑选）')
  })
})

describe('the report of a study whose runs kept their predictions', () => {
  /** Right about the first `right` of 200 images, and wrong about the first `wrong` of those. */
  const predictions = (right: number, wrong = 0) =>
    ['path,true,predicted,probability,loss']
      .concat(
        Array.from({ length: 200 }, (_, i) => `a/${i}.jpg,a,${i >= wrong && i < right + wrong ? 'a' : 'b'},0.9,0.1`),
      )
      .join('\n')
  const small = (top1: number) => ({ ...partition(top1), images: 200, interval: wilsonInterval(top1, 200) })
  const run = (folder: string, seed: number, top1: number): StudyRun => ({
    ...done(seed, top1, top1),
    folder,
    test: small(top1),
  })
  let study: string
  beforeAll(async () => {
    const cells = [
      { settings: {}, runs: [run('r0', 0, 0.9)] },
      { settings: { batchSize: 16 }, runs: [run('r1', 0, 0.945)] },
      { settings: { batchSize: 64 }, runs: [run('r2', 0, 0.895)] },
    ]
    const rows = [16, 32, 64].map((value, i) => ({ value, cell: [1, 0, 2][i]! }))
    study = await write('paired', { ...record, seeds: [0], cells, tables: [{ option: 'batchSize', rows }] })
    for (const [name, content] of Object.entries({
      r0: predictions(180),
      r1: predictions(189),
      r2: predictions(179),
    })) {
      await mkdir(join(study, name))
      await writeFile(join(study, name, 'predictions.csv'), content)
    }
  })

  it('tells rows apart image by image, though their intervals overlap', async () => {
    const markdown = await markdownOf(study)
    const [low] = wilsonInterval(0.945, 200)
    expect(wilsonInterval(0.9, 200)[1]).toBeGreaterThan(low)
    // 9 and 10 images that one alone is right about, none the other way: 2 / 2^9 and 2 / 2^10, corrected by 2 and 3
    expect(markdown).toContain('> Smaller is better: +5.0 points from 64 to 16 (p = 0.006).')
    expect(markdown).toContain('| 16 | 32 (baseline) | 9 | 0 | 0.004 | 0.008 |'.replace(' (baseline)', ''))
    expect(markdown).toContain('| 32 | 64 | 1 | 0 | 1.000 | 1.000 |')
    expect(markdown).toContain('McNemar’s exact test')
    expect(markdown).not.toContain('beyond the interval')
    expect(markdown).toContain(
      '> On the test images, compared in pairs with the first (McNemar’s exact test, Holm’s correction), 2 of the 2 others are worse.',
    )
  })

  it('says so in Chinese', async () => {
    const chinese = await markdownOf(study, 'zh')
    expect(chinese).toContain('取值越小越好：从 64 到 16，准确率提高 5.0 个百分点（p = 0.006）。')
    expect(chinese).toContain('McNemar 精确检验')
  })
})

describe('the report of a study that searches', () => {
  it('ranks settings by validation accuracy and tells which the best cannot be told from', async () => {
    const cells = [
      cell({ lrHead: 0.1, weightDecay: 0 }, [0.9, 0.95]),
      cell({ lrHead: 0.01, weightDecay: 1e-4 }, [0.95, 0.94]),
      cell({ lrHead: 0.03, weightDecay: 1e-4 }, [0.945, 0.93]),
      {
        settings: { lrHead: 1, weightDecay: 0 },
        runs: [
          { seed: 0, folder: 'runs/s', state: 'stopped' as const, epochs: 3, validation: partition(0.5), seconds: 9 },
        ],
      },
    ]
    const markdown = await markdownOf(
      await write('search', { ...record, kind: 'halving', cells, tables: [], seeds: [0], scaleEpochs: 1 }),
    )
    const ranks = [...markdown.matchAll(/^\| \**(\d)\** \| \**([\d.e-]+)\** \|.*$/gm)]
    expect(ranks.map(match => match[2])).toEqual(['1e-2', '3e-2', '1e-1', '1'])
    expect(ranks[3]![0]).toContain('stopped after 3')
    expect(markdown).toContain('](figures/val_by_lrHead.svg)')
    // Two values are no curve.
    expect(markdown).not.toContain('val_by_weightDecay')
    expect(markdown).toContain('> 1 of the 2 others cannot be told apart from the first')
  })
})

describe('a study folder', () => {
  it('may not lead elsewhere', async () => {
    const outside = structuredClone(record)
    outside.cells[0]!.runs[0]!.folder = '../../etc'
    await expect(markdownOf(await write('outside', outside))).rejects.toThrow(/\.\.\/\.\.\/etc is not below the study/)
  })

  it('may be reported before anything has finished', async () => {
    const cells = [{ settings: {}, runs: [{ seed: 0, folder: 'runs/0', state: 'waiting' as const }] }]
    const markdown = await markdownOf(await write('waiting', { ...record, cells, tables: [] }))
    expect(markdown).toContain('The study has not finished: 1 run to go.')
    expect(markdown).toContain('Nothing can be chosen yet')
  })
})

describe('conclusions', () => {
  const anyCell: StudyCell = { settings: {}, runs: [] }
  /** Of runs that kept no predictions. */
  const conclude = (rows: readonly Row[]) =>
    concludeFrom(
      rows,
      differencesOf(
        rows.map(({ test }) => ({ cell: anyCell, test })),
        new Map(),
      ),
    )
  const rows = (...accuracies: readonly (readonly [value: number | string, mean: number])[]) =>
    accuracies.map(([value, mean]) => ({
      value,
      test: { mean, deviation: undefined, interval: wilsonInterval(mean, images) },
    }))

  it('need two rows', () => {
    expect(conclude(rows([1, 0.9])).kind).toBe('too-few')
    expect(conclude([...rows([1, 0.9]), { value: 2, test: undefined }]).kind).toBe('too-few')
  })

  it('call it noise only where every pair of intervals overlaps', () => {
    expect(conclude(rows([1, 0.93], [2, 0.95], [3, 0.94])).kind).toBe('noise')
    expect(conclude(rows([1, 0.9], [2, 0.93], [3, 0.95])).kind).not.toBe('noise')
  })

  it('see a trend in numbers only, and only where it holds all the way', () => {
    expect(conclude(rows([1, 0.95], [2, 0.9], [3, 0.8]))).toMatchObject({ kind: 'trend', better: 'smaller', to: 1 })
    expect(conclude(rows([2, 0.8], [1, 0.95], [3, 0.9]))).toMatchObject({ kind: 'best', value: 1, worse: [3, 2] })
    expect(conclude(rows(['sgd', 0.95], ['adamw', 0.8]))).toMatchObject({ kind: 'best', value: 'sgd' })
  })
})

describe('scores', () => {
  it('are means over seeds, with the interval of one test split', () => {
    const { test } = cellScore(cell({}, [0.9, 0.94], [0.9, 0.96]))
    expect(test!.mean).toBeCloseTo(0.95)
    expect(test!.deviation).toBeCloseTo(0.014142)
    expect(test!.interval).toEqual(wilsonInterval(test!.mean, images))
  })

  it('choose without looking at test accuracy', () => {
    expect(chosen(record)?.score.cell.settings).toEqual({ lrBackbone: 1e-2 })
    expect(chosen(record)?.run.seed).toBe(0)
    expect(luckiest(record)?.top1).toBe(0.979)
  })
})
