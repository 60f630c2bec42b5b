/** Recipes, and what they look at in a test: larger images, and each with its mirror image. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { evaluateRun, loadClassifier, loadExplainer } from '../dist/index.js'
import { regraft, regraftHere, shapeImages, temporaryFolder } from './support.js'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
const at = (...parts: string[]) => join(folder.path, ...parts)
const json = (...parts: string[]) => JSON.parse(readFileSync(at(...parts), 'utf8'))
const small = ['--network', 'resnet18-narrow', '--size', '48', '--batch-size', '8', '--epochs', '3']
const best = (run: string, ...more: string[]) => [
  'train',
  at('images'),
  '--recipe',
  'best',
  '--test-scale',
  '1.3',
  '--tta',
  'flip',
  // The whole image, so that a mirror image is the same to a column
  '--crop',
  '1',
  ...small,
  '--run',
  run,
  ...more,
]

beforeAll(async () => {
  folder = await temporaryFolder()
  await shapeImages(at('images'), 20)
  const { code, stderr } = await regraftHere(best('run'), { cwd: folder.path })
  expect(code, stderr).toBe(0)
}, 120_000)
afterAll(() => folder.remove())

it('sets what is known to help, and any option given beside it counts', () => {
  const { options, preprocessing, testPreprocessing } = json('run', 'config.json')
  expect(options).toMatchObject({
    schedule: 'cosine',
    ema: 0.995,
    normStatistics: 'auto',
    augment: 'trivial',
    cropScale: 0.85,
    tta: 'flip',
    epochs: 3,
  })
  expect([preprocessing.size, testPreprocessing.size]).toEqual([48, 64])
  expect(testPreprocessing).toMatchObject({ crop: 'squash', resize: 64 })
  expect(json('run', 'model', 'model.json')).toMatchObject({ preprocessing: testPreprocessing, tta: 'flip' })
})

it('ships a model that does what was tested', async () => {
  const { test } = json('run', 'result.json')
  const again = await evaluateRun(at('run'))
  expect(again.top1).toBe(test.top1)
  expect(again.loss).toBeCloseTo(test.loss, 5)
})

it('says the same of an image and of its mirror image, and explains what it says', async () => {
  const classifier = await loadClassifier(at('run'))
  const explainer = await loadExplainer(at('run'))
  const image = await sharp(at('images', 'circle', '1.jpg'))
    .resize(73, 73)
    .png()
    .toBuffer()
  const flopped = await sharp(image).flop().png().toBuffer()
  const [scores, mirrored] = [await classifier.predict(image), await classifier.predict(flopped)]
  for (const [i, { class: name, probability }] of scores.entries()) {
    expect(mirrored[i]!.class).toBe(name)
    expect(mirrored[i]!.probability).toBeCloseTo(probability, 4)
  }
  expect((await explainer.explain(image)).scores[0]!.probability).toBeCloseTo(scores[0]!.probability, 4)
  await Promise.all([classifier.dispose(), explainer.close()])
})

it('goes on after an interruption to the same weights', async () => {
  let asked = false
  const interrupted = await regraft(best('half'), {
    cwd: folder.path,
    onOutput: (text, kill) => {
      // A second signal would end it at once
      if (asked || !text.includes('epoch 1/3')) return
      asked = true
      kill('SIGINT')
    },
  })
  expect(interrupted.code).toBe(130)
  const resumed = await regraftHere(['train', '--resume', 'half'], { cwd: folder.path })
  expect(resumed.code, resumed.stderr).toBe(0)
  const digest = (run: string) =>
    createHash('sha256')
      .update(readFileSync(at(run, 'model', 'model.safetensors')))
      .digest('hex')
  expect(digest('half')).toBe(digest('run'))
  expect(json('half', 'result.json').test).toEqual(json('run', 'result.json').test)
}, 120_000)

it('refuses views where only features are kept, before it begins, and a recipe that is not there', async () => {
  const frozen = await regraftHere(
    ['train', 'images', ...small, '--lr-backbone', '0', '--tta', 'flip', '--run', 'never'],
    {
      cwd: folder.path,
    },
  )
  expect(frozen.stderr).toContain('--tta looks at images again, but of a frozen trunk features are computed once')
  const unknown = await regraftHere(['train', 'images', '--recipe', 'slow'], { cwd: folder.path })
  expect(unknown.stderr).toMatch(/fast, best/)
  expect([frozen.code, unknown.code]).toEqual([2, 2])
})

it('trains the last layer alone with the fast recipe, and sees all of an image unless it is told to see its centre', async () => {
  const { code, stdout } = await regraftHere(['train', 'images', '--recipe', 'fast', ...small, '--run', 'fast'], {
    cwd: folder.path,
  })
  expect(code).toBe(0)
  expect(stdout).toContain('features')
  const centre = ['train', 'images', '--recipe', 'fast', '--crop-mode', 'center', ...small, '--run', 'centre']
  expect((await regraftHere(centre, { cwd: folder.path })).code).toBe(0)
  const empty = sharp({ create: { width: 144, height: 48, channels: 3, background: '#eee' } }).png()
  const shape = await sharp(at('images', 'circle', '1.jpg')).toBuffer()
  const atSide = await sharp(await empty.toBuffer())
    .composite([{ input: shape, left: 0, top: 0 }])
    .png()
    .toBuffer()
  for (const [run, seen] of [
    ['fast', true],
    ['centre', false],
  ] as const) {
    const classifier = await loadClassifier(at(run))
    const [without, beside] = [await classifier.predict(await empty.toBuffer()), await classifier.predict(atSide)]
    expect(JSON.stringify(without) !== JSON.stringify(beside), run).toBe(seen)
    await classifier.dispose()
  }
})
