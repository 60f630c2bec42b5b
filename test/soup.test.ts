/** One model of several runs: the mean of the weights of those that help, refused where it would mean nothing. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readModel } from '../dist/training/index.js'
import { regraftHere, shapeImages, temporaryFolder } from './support.js'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
const at = (...parts: string[]) => join(folder.path, ...parts)
const run = (...args: string[]) => regraftHere(args, { cwd: folder.path })
const train = async (name: string, ...more: string[]) => {
  const small = ['--network', 'resnet18-narrow', '--size', '48', '--batch-size', '8']
  const { code, stderr } = await run('train', 'images', ...small, '--run', name, ...more)
  expect([name, code, code === 0 ? '' : stderr]).toEqual([name, 0, ''])
}

beforeAll(async () => {
  folder = await temporaryFolder()
  await shapeImages(at('images'), 24)
  await train('base', '--epochs', '4', '--lr-backbone', '0.005', '--lr-head', '0.05')
  const from = ['--weights', 'base/model/model.safetensors', '--split-seed', '0', '--epochs', '1']
  await train('a', ...from, '--seed', '1')
  await train('b', ...from, '--seed', '2')
  await train('c', ...from, '--seed', '3', '--lr-backbone', '0.5', '--lr-head', '0.5')
  await train('other', ...from.with(3, '7'), '--seed', '1')
})
afterAll(() => folder.remove())

it('takes the runs that help on validation images, tests their mean once, and leaves a model', async () => {
  const { code, stdout } = await run('soup', 'a', 'b', 'c', '--out', 'soup')
  expect(code).toBe(0)
  expect(stdout).toMatch(/run +validation alone +with those before +taken/)
  expect(stdout).toMatch(/test {6}: top-1 /)
  const { ingredients, validation, test } = JSON.parse(readFileSync(at('soup/soup.json'), 'utf8'))
  const alone = ingredients.map((one: { alone: { top1: number } }) => one.alone.top1)
  expect(alone).toEqual([...alone].sort((a, b) => b - a))
  expect(validation.top1).toBeGreaterThanOrEqual(alone[0])

  const taken = ingredients.filter((one: { taken: boolean }) => one.taken).map((one: { run: string }) => one.run)
  const models = await Promise.all(taken.map((name: string) => readModel(at(name))))
  const { values } = await readModel(at('soup'))
  for (const [name, mean] of values) {
    let furthest = 0
    mean.forEach((value, i) => {
      const expected = models.reduce((sum, model) => sum + model.values.get(name)![i]! / models.length, 0)
      furthest = Math.max(furthest, Math.abs(value - expected) / Math.max(1, Math.abs(expected)))
    })
    expect(furthest, name).toBeLessThanOrEqual(1e-5)
  }
  expect(taken.length).toBeGreaterThan(1)

  const card = readFileSync(at('soup/README.md'), 'utf8')
  expect(card).toContain(`the mean of those of ${taken.length} of 3 runs`)
  expect(card).toContain(`| test | ${test.images} |`)
  const image = JSON.parse(readFileSync(at('a/config.json'), 'utf8')).split.test[0]
  const predicted = await run('predict', 'soup', join('images', image), '--json')
  expect(predicted.code).toBe(0)
})

it('measures a mean with statistics of batch norms that are recomputed for its weights, where it is told so', async () => {
  const recomputed = ['--norm-statistics', 'recomputed']
  expect((await run('soup', 'a', 'b', '--out', 'recomputed', ...recomputed)).code).toBe(0)
  const tried = (folder: string) => JSON.parse(readFileSync(at(folder, 'soup.json'), 'utf8')).ingredients.slice(0, 2)
  const [one, other] = [tried('soup'), tried('recomputed')]
  expect(other[1].alone).toEqual(one[1].alone)
  expect(other[1].together.loss).not.toBe(one[1].together.loss)
  // The first alone keeps its own
  expect(other[0]).toEqual(one[0])
})

it.each([
  [['a'], 'the weights of at least two runs are averaged'],
  [
    ['a', 'other'],
    'a and other have different splits of the images, so the mean of their weights means nothing; train them with one --split-seed',
  ],
  [['a', 'a'], 'a is named twice; name every run once'],
  [['a', 'base'], 'a and base have different pretrained weights'],
  [['a', 'images'], 'images holds no run'],
])('says why %j give no mean', async (runs, words) => {
  const { code, stderr } = await run('soup', ...runs, '--out', 'none')
  expect([code, stderr]).toEqual([runs.length < 2 || runs[0] === runs[1] ? 2 : 7, expect.stringContaining(words)])
})

it('leaves alone what lies where the model is to go', async () => {
  const { code, stderr } = await run('soup', 'a', 'b', '--out', 'base')
  expect([code, stderr]).toEqual([2, expect.stringContaining('base already holds a model or a run')])
})
