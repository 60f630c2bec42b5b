import { existsSync } from 'node:fs'
import { mkdir as makeFolder, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { imageFolder } from '../data/index.js'
import { demoShapes } from '../examples/pictogramShapes.js'
import { drawPictograms } from '../examples/pictograms.js'
import { loadExplainer } from '../inference/index.js'
import { readPredictions, train } from '../training/index.js'
import { classScores, meanScore } from './classScores.js'
import { collectPictures, shareRunFigures, writeReport } from './index.js'
import { readRun } from './readRun.js'

// File names that only some systems take; what they do to a report is the same everywhere.
const hostile = ['<script>alert(1)<&script>', '"><img src=x onerror=alert(2)>', '](javascript:alert(3)) | `x` **b**']
const [house, key, cup, fish] = ['house', 'key', 'cup', 'fish'].map(name => demoShapes[name]!)
const names = process.platform === 'win32' ? ['a', 'b', 'c', 'd'] : [...hostile, '鱼']

let folder: string
let run: string
/** Makes a folder and returns its path. */
const mkdir = async (path: string) => {
  await makeFolder(path)
  return path
}
/** The page without the content of fonts and pictures. */
const page = async () => (await text('report.html')).replace(/base64,[\w+/=]+/g, '')
const text = (file: string) => readFile(join(run, file), 'utf8')

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regraft-report-'))
  run = join(folder, 'run')
  const images = join(folder, 'images')
  const shapes = Object.fromEntries([house!, key!, cup!, fish!].map((shape, i) => [names[i]!, shape]))
  await drawPictograms(images, { shapes, imagesPerClass: 24, size: 200, seed: 3 })
  // Two epochs from random weights: enough is wrong afterwards for a report to have something to show.
  await train(await imageFolder(images), {
    network: 'resnet18-narrow',
    weights: 'none',
    size: 32,
    epochs: 2,
    batchSize: 16,
    lrBackbone: 1e-3,
    lrHead: 1e-2,
    split: '1:1:1',
    threads: 1,
    run,
  })
  const explainer = await loadExplainer(run)
  await collectPictures(run, undefined, explainer).finally(() => explainer.close())
  await rm(images, { recursive: true })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('the report of a run', () => {
  it('is one page and one Markdown file that say what the run reached', async () => {
    const { html, markdown } = await writeReport(run)
    expect([html, markdown]).toEqual([join(run, 'report.html'), join(run, 'report.md')])
    const { result, config, weights } = await readRun(run)
    const percent = (share: number) => `${(100 * share).toFixed(1)}\u00a0%`
    const { test, validation, confusion, calibration } = result!
    const f1 = meanScore(classScores(confusion, config.classes), 'f1')!
    for (const content of [await page(), await text('report.md')]) {
      const numbers = [test!.top1, test!.meanPerClass, validation!.top1, f1, calibration!.before.ece].map(percent)
      for (const number of numbers) expect(content).toContain(number)
      expect(content).toContain(`${test!.interval.map(share => (100 * share).toFixed(1)).join(' to ')}`)
      expect(content).toContain(`${Math.round(test!.top1 * 32)} of 32 test images`)
      expect(content).toContain(`epoch ${result!.bestEpoch} of 2`)
      expect(content).toContain('32 for training, 32 for validation, 32 for testing')
      expect(content).toContain('(conv1): Conv2d(3, ')
      expect(content).toContain(weights!.sha256)
      expect(content).toMatch(/--batch-size 16/)
      expect(content).toMatch(/--seed 0/)
    }
  })

  it('needs nothing but itself: no script, no file, no address elsewhere', async () => {
    await writeReport(run)
    const html = await page()
    expect(html).not.toMatch(/<script/i)
    expect(html).not.toMatch(/ src="(?!data:image\/jpeg;)/)
    expect(html).not.toMatch(/ href="(?!#)/)
    expect(html).not.toMatch(/url\((?!data:font|#figure)/)
    expect(html).toContain("default-src 'none'")
  })

  it('keeps the pictures of mistakes and of classes, though the images are gone', async () => {
    const { pictures, predictions } = await readRun(run)
    const wrong = predictions.filter(({ trueClass, predictedClass }) => trueClass !== predictedClass)
    expect(wrong.length).toBeGreaterThan(0)
    const worst = [...wrong].sort((a, b) => b.loss! - a.loss!).slice(0, 24)
    const kept = pictures!.mistakes.map(({ path }) => path)
    expect(kept).toEqual(expect.arrayContaining(worst.map(({ path }) => path)))
    const heated = pictures!.mistakes.filter(({ heat }) => heat !== undefined)
    expect(heated.map(({ path }) => path).sort()).toEqual(worst.map(({ path }) => path).sort())
    expect(pictures!.samples).toHaveLength(2 * names.length)
    expect(pictures!.counts.train).toEqual([8, 8, 8, 8])
    for (const file of (await readdir(join(run, 'pictures'))).filter(name => name.endsWith('.jpg'))) {
      const { width, height, format } = await sharp(join(run, 'pictures', file)).metadata()
      expect([format, Math.max(width, height)]).toEqual(['jpeg', 160])
    }
    const shown = (await text('report.html')).match(/<img src="data:image\/jpeg/g) ?? []
    expect(shown.length).toBeGreaterThanOrEqual(2 * worst.length + pictures!.samples.length)
  })

  it('refers in Markdown to figures and pictures that are there', async () => {
    await writeReport(run)
    const files = [...(await text('report.md')).matchAll(/!\[(?:\\.|[^\]\\])*\]\(([^)]+)\)/g)].map(match => match[1]!)
    expect(files.length).toBeGreaterThan(5)
    for (const file of files) expect(existsSync(join(run, decodeURIComponent(file))), file).toBe(true)
  })

  it.skipIf(process.platform === 'win32')('shows hostile class names as text', async () => {
    await writeReport(run)
    const html = await page()
    // Tags as a browser sees them, without what stands in attributes.
    const tags = html.replace(/"[^"]*"/g, '""').match(/<[^>]*>/g)!
    expect(tags.filter(tag => /^<\/?script|\sonerror|=x/i.test(tag))).toEqual([])
    expect(html).toContain('&lt;script&gt;alert(1)&lt;&amp;script&gt;')
    const markdown = await text('report.md')
    expect(markdown).not.toMatch(/<script|<img/)
    expect(markdown).not.toMatch(/(?<!\\)\]\(javascript:/)
    expect(markdown).toContain('\\](javascript:alert(3)) \\| \\`x\\` \\*\\*b\\*\\*')
    // Each line of a table keeps its number of cells.
    for (const table of markdown.split('\n\n').filter(part => part.startsWith('| '))) {
      const cells = table.split('\n').map(line => line.replace(/\\\|/g, '').split('|').length)
      expect(new Set(cells).size).toBe(1)
    }
  })

  it('speaks Chinese, in figures too', async () => {
    await writeReport(run, { language: 'zh' })
    const html = await page()
    expect(html).toContain('<html lang="zh-Hans">')
    for (const words of ['测试准确率', '混淆矩阵', '如何复现', '>验证集</text>', '主干学习率'])
      expect(html).toContain(words)
    expect(html).not.toMatch(/Test accuracy|taken for|validation<|Settings/)
    expect(await text('report.md')).toContain('figures/accuracy.zh.svg')
  })

  it('says of a run that has not finished what there is', async () => {
    const begun = join(folder, 'begun')
    await writeFile(join(await mkdir(begun), 'config.json'), await text('config.json'))
    await writeFile(join(begun, 'metrics.jsonl'), (await text('metrics.jsonl')).split('\n')[0]!)
    await writeReport(begun)
    expect(await readFile(join(begun, 'report.md'), 'utf8')).toContain('has not finished: 1 epoch recorded')
  })

  it('tells what is wrong with a folder', async () => {
    await expect(writeReport(folder)).rejects.toThrow(/holds no run/)
    const damaged = await mkdir(join(folder, 'damaged'))
    await writeFile(join(damaged, 'config.json'), await text('config.json'))
    await writeFile(join(damaged, 'result.json'), '{"bestEpoch": "second"}')
    await expect(writeReport(damaged)).rejects.toThrow(/result\.json is damaged: bestEpoch/)
  })
})

describe('the figures of a run', () => {
  it('also have names that tell the settings', async () => {
    await writeReport(run)
    await shareRunFigures(run)
    const card = await text('model/README.md')
    expect(card).toContain('![Accuracy after each epoch](accuracy.png)')
    expect(existsSync(join(run, 'model', 'accuracy.png'))).toBe(true)
    const files = await readdir(join(run, 'figures'))
    for (const name of ['acc_ep2_bs16_lrh1e-2_lrb1e-3', 'loss_ep2_bs16_lrh1e-2_lrb1e-3', 'accuracy', 'reliability'])
      for (const kind of ['svg', 'png']) expect(files).toContain(`${name}.${kind}`)
  })
})

describe('predictions.csv', () => {
  it('is read without losses too, as older runs wrote it', async () => {
    const old = await mkdir(join(folder, 'old'))
    await writeFile(join(old, 'predictions.csv'), 'path,true,predicted,probability\n"a,b/1.jpg",cat,dog,0.75\n')
    expect(await readPredictions(old)).toEqual([
      { path: 'a,b/1.jpg', trueClass: 'cat', predictedClass: 'dog', probability: 0.75, loss: undefined },
    ])
  })
})
