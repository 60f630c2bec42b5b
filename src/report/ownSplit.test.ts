/** A folder with a split of its own, in which test images show what training images show: every place that tells of it. */
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { imageFolder } from '../data/index.js'
import { demoShapes } from '../examples/pictogramShapes.js'
import { drawPictograms } from '../examples/pictograms.js'
import { evaluateRun } from '../inference/index.js'
import { reached } from '../study/progress.js'
import { readConfig, readResult, type TrainingOptions, train } from '../training/index.js'
import { writeReport } from './index.js'

let folder: string
/** The training image that a test image shows again. */
let original: string
const images = () => join(folder, 'images')
const run = (name: string) => join(folder, name)
const text = (...parts: string[]) => readFile(join(folder, ...parts), 'utf8')

const options: TrainingOptions = {
  network: 'resnet18-narrow',
  weights: 'none',
  size: 32,
  epochs: 1,
  batchSize: 8,
  threads: 1,
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regraft-own-split-'))
  process.env.REGRAFT_CACHE = join(folder, 'cache')
  const shapes = { house: demoShapes.house!, key: demoShapes.key! }
  for (const [part, seed] of [
    ['train', 1],
    ['val', 2],
    ['test', 3],
  ] as const)
    await drawPictograms(join(images(), part), { shapes, imagesPerClass: 8, size: 120, seed })
  const { samples } = await imageFolder(images())
  original = samples.find(({ path }) => path.startsWith('train/house/'))!.path
  await copyFile(join(images(), original), join(images(), 'test/house/twin.jpg'))
  const data = await imageFolder(images())
  await train(data, { ...options, groupDuplicates: 'near', run: run('own') })
  await train(data, { ...options, groupDuplicates: 'near', resplit: true, run: run('anew') })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe("a folder's own split", () => {
  it('is recorded, with the test accuracy without pictures that are elsewhere, too', async () => {
    const [config, result] = await Promise.all([readConfig(run('own')), readResult(run('own'))])
    expect(config.ownSplit).toEqual({ from: 'folder', taken: [] })
    expect(config.across?.test).toContain('test/house/twin.jpg')
    const twins = config.across!.test.length
    const { without } = await evaluateRun(run('own'))
    expect(without?.top1).toBe(result!.across!.without!.top1)
    expect(result?.across).toMatchObject({ test: twins, without: { images: result!.test!.images - twins } })
  })

  it('is told to a study by its runs', async () => {
    const { test, without } = (await readResult(run('own')))!.across!
    expect((await reached(run('own'))).twins).toEqual({ test, without })
    expect(await reached(run('anew'))).not.toHaveProperty('twins')
  })

  it('is told as what it is, in both languages and in the card', async () => {
    await writeReport(run('own'))
    const report = await text('own', 'report.md')
    expect(report).toContain('the folder’s own split')
    expect(report).not.toContain('near-duplicates on the same side')
    expect(report).toMatch(/show the same picture as images in training or validation|shows the same picture/)
    expect(report).toContain('test, without twins elsewhere')
    await writeReport(run('own'), { language: 'zh' })
    expect(await text('own', 'report.md')).toContain('文件夹自带的划分')
    const card = await text('own', 'model', 'README.md')
    expect(card).toContain("the folder's own split")
    expect(card).toMatch(/near-duplicates or crops of others in another part of the split/)
    expect(card).toContain('| test, without twins |')
  })

  it('is set aside where that is asked for', async () => {
    const config = await readConfig(run('anew'))
    expect([config.ownSplit, config.across]).toEqual([undefined, undefined])
    const side = (path: string) => Object.entries(config.split).find(([, paths]) => paths.includes(path))?.[0]
    expect(side('test/house/twin.jpg')).toBe(side(original))
    await writeReport(run('anew'))
    expect(await text('anew', 'report.md')).toContain('split 7:2:1 in each class')
  })
})
