import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { shellWord } from '../../base/shell.js'
import { checkOptions, type RunConfig, trainingOptions } from '../../training/index.js'
import { runConfig } from '../../training/runConfig.testing.js'
import { classScores, meanScore } from '../classScores.js'
import { trainCommand } from '../command.js'
import { escapeHtml } from '../document/html.js'
import { escapeMarkdown } from '../document/markdown.js'
import { en } from '../locales/en.js'
import { zh } from '../locales/zh.js'
import { mistakesOf, mostConfused, worstMistakes } from '../pictures/mistakes.js'

describe('scores of classes', () => {
  const confusion = [
    [3, 1, 0],
    [1, 1, 0],
    [0, 0, 0],
  ]
  const scores = classScores(confusion, ['a', 'b', 'c'])

  it('are precision, recall and their harmonic mean', () => {
    expect(scores[0]).toEqual({ name: 'a', images: 4, precision: 3 / 4, recall: 3 / 4, f1: 3 / 4 })
    expect(scores[1]).toEqual({ name: 'b', images: 2, precision: 1 / 2, recall: 1 / 2, f1: 1 / 2 })
  })

  it('are unknown of a class without images, and then not part of the mean', () => {
    expect(scores[2]).toEqual({ name: 'c', images: 0, precision: undefined, recall: undefined, f1: undefined })
    expect(meanScore(scores, 'recall')).toBeCloseTo(0.625)
  })
})

describe('mistakes', () => {
  const row = (path: string, trueClass: string, predictedClass: string, probability: number, loss?: number) => ({
    path,
    trueClass,
    predictedClass,
    probability,
    loss,
  })
  const predictions = [
    row('1', 'a', 'a', 0.9, 0.1),
    row('2', 'a', 'b', 0.6, 3),
    row('3', 'a', 'b', 0.9, 2),
    row('4', 'b', 'a', 0.5, 5),
  ]

  it('are ranked by loss, and by confidence where losses were not recorded', () => {
    expect(worstMistakes(predictions, 2).map(({ path }) => path)).toEqual(['4', '2'])
    const older = predictions.map(prediction => ({ ...prediction, loss: undefined }))
    expect(worstMistakes(older, 3).map(({ path }) => path)).toEqual(['3', '2', '4'])
  })

  it('are counted by pairs of classes, in the direction of the mistake', () => {
    const confusion = [
      [1, 2, 0],
      [1, 0, 0],
      [0, 0, 4],
    ]
    expect(mostConfused(confusion, ['a', 'b', 'c'], 5)).toEqual([
      { trueClass: 'a', predictedClass: 'b', images: 2, share: 2 / 3 },
      { trueClass: 'b', predictedClass: 'a', images: 1, share: 1 },
    ])
    expect(mistakesOf({ trueClass: 'a', predictedClass: 'b' }, predictions).map(({ path }) => path)).toEqual(['2', '3'])
  })
})

describe('the command that makes a run anew', () => {
  const config: RunConfig = {
    ...runConfig,
    options: checkOptions({ lrBackbone: 0, nesterov: true, exclude: ["it's", 'b c'], seed: 7, run: 'runs/x' }),
    data: 'my photos',
    network: 'resnet50',
    provenance: { source: 'imagenet1k-v1' },
    environment: { ...runConfig.environment, engine: 'onednn', threads: 2 },
  }

  it('has everything that differs from the defaults, and what was decided', () => {
    const command = trainCommand(config).replaceAll(' \\\n  ', ' ')
    expect(command).toBe(
      "npx regraft train 'my photos' --network resnet50 --weights imagenet1k-v1 --lr-backbone 0 --nesterov --exclude 'it'\\''s' --exclude 'b c' --seed 7 --engine onednn --threads 2",
    )
  })

  it.skipIf(process.platform === 'win32')('survives a shell', () => {
    for (const word of ['it\'s $(touch x) `y` \\ "z"', '--x', '', 'ü 鱼\n*'])
      expect(execFileSync('sh', ['-c', `printf %s ${shellWord(word)}`], { encoding: 'utf8' })).toBe(word)
  })
})

describe('text from data', () => {
  it('has no meaning in HTML or Markdown', () => {
    expect(escapeHtml(`<a href="x" onclick='y'>&`)).toBe('&lt;a href=&quot;x&quot; onclick=&#39;y&#39;&gt;&amp;')
    expect(escapeMarkdown('[a](b) `c` | *d* _e_ <f> # ~~g~~')).toBe(
      '\\[a\\](b) \\`c\\` \\| \\*d\\* \\_e\\_ &lt;f&gt; \\# \\~\\~g\\~\\~',
    )
  })

  it('cannot hide or turn what stands around it', () => {
    for (const escaped of [escapeHtml, escapeMarkdown])
      expect(escaped('cat\u202egnp.\u0000exe')).toBe('cat\u{fffd}gnp.\u{fffd}exe')
  })
})

describe('languages', () => {
  /** Every key, as a path. */
  const keys = (value: unknown, path = ''): string[] =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.entries(value).flatMap(([key, inner]) => keys(inner, `${path}.${key}`))
      : [path]

  it('have the same words', () => {
    expect(keys(zh).sort()).toEqual(keys(en).sort())
    expect(keys(en).length).toBeGreaterThan(200)
  })

  it('name every option', () => {
    const named = Object.keys(en.options)
    expect(Object.keys(trainingOptions.shape).filter(option => !named.includes(option))).toEqual([])
  })

  it('are different: Chinese says everything in Chinese', () => {
    const plain = (value: unknown): string[] =>
      typeof value === 'string'
        ? [value]
        : typeof value === 'object' && value !== null
          ? Object.values(value).flatMap(plain)
          : []
    const english = plain(zh).filter(text => /[a-z]{3}/i.test(text) && !/\p{Script=Han}/u.test(text))
    expect(english.sort()).toEqual(['CutMix', 'Dropout', 'Mixup', 'zh-Hans'])
  })
})
