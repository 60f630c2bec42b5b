/** The examples run as they stand in the repository, and do what they say. */
import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { imageFolder, resume, train } from '../dist/index.js'
import { command, shapeImages, temporaryFolder } from './support.js'

const run = promisify(execFile)
let folder: Awaited<ReturnType<typeof temporaryFolder>>
const at = (...parts: string[]) => join(folder.path, ...parts)
const example = (name: string, ...args: string[]) =>
  run(process.execPath, [resolve('build/examples', name), ...args], { cwd: folder.path })

beforeAll(async () => {
  folder = await temporaryFolder()
  await shapeImages(at('photos'), 12)
  await run(process.execPath, [resolve('node_modules/typescript/bin/tsc'), '-p', 'examples'])
}, 120_000)
afterAll(() => folder.remove())

it('fine-tunes, predicts and exports', async () => {
  const { stdout } = await example('fine-tune.js', 'photos', 'run', 'resnet18-narrow')
  expect(stdout).toMatch(/36 images of circle, square, stripes\nepoch 1: .*\n[\s\S]*epoch 5: /)
  expect(stdout).toMatch(/test accuracy \d+\.\d %, 95 % interval/)
  expect(stdout).toMatch(/photos\/circle\/0.jpg (circle|square|stripes) \d+\.\d %/)
  expect(stdout).toMatch(/model.onnx differs from the engine by \d\.\de-\d+/)
}, 120_000)

it('reads what a run folder holds', async () => {
  const { stdout } = await example('read-a-run.js', 'run')
  expect(stdout).toMatch(/resnet18-narrow on 3 classes, \d+ training images\nepoch 1: loss/)
  expect(stdout).toMatch(/test accuracy \d+\.\d %/)
})

it('asks a server', async () => {
  const server = spawn(process.execPath, [command, 'serve', at('run'), '--port', '0'], { cwd: folder.path })
  try {
    const address = await new Promise<string>((found, failed) => {
      let text = ''
      const hear = (chunk: unknown) => {
        text += String(chunk)
        const url = /http:\/\/127\.0\.0\.1:\d+/.exec(text)
        if (url) found(url[0])
      }
      server.stdout.on('data', hear)
      server.stderr.on('data', hear)
      server.on('exit', () => failed(new Error(text)))
    })
    const { stdout } = await example('predict-from-a-server.js', address, at('photos', 'circle', '1.jpg'))
    expect(stdout).toMatch(/^1\.jpg (circle|square|stripes) \d+\.\d %, /)
  } finally {
    server.kill('SIGINT')
  }
}, 60_000)

it('trains with a schedule and an augmentation of its own', async () => {
  const { stdout } = await example('own-schedule.js', 'photos', 'own', 'resnet18-narrow')
  const rates = [...stdout.matchAll(/rate (\d\.\d+)/g)].map(([, rate]) => Number(rate))
  expect(rates.slice(0, 3)).toEqual([0.01, 0.02, 0.02])
  expect(rates[5]!).toBeLessThan(rates[3]!)
  expect(stdout).toMatch(/validation \d+\.\d %/)
}, 120_000)

it('goes on with both to the numbers of a run that never stopped, and not without them', async () => {
  const data = await imageFolder(at('photos'))
  const options = { network: 'resnet18-narrow', batchSize: 8, epochs: 3, lrBackbone: 0, lrHead: 0.05 } as const
  const hooks = {
    schedule: (epoch: number) => 1 / (epoch + 1),
    augmentation: new URL('../examples/vignette.js', import.meta.url),
  }
  const whole = await train(data, { ...options, run: at('whole') }, hooks)
  const plain = await train(data, { ...options, run: at('plain') })
  expect(whole.history.map(({ lrHead }) => lrHead)).toEqual([0.05, 0.025, 0.05 / 3])
  expect(whole.history[0]!.train.loss).not.toBe(plain.history[0]!.train.loss)
  const stop = new AbortController()
  const onEvent = ({ type }: { type: string }) => type === 'epoch' && stop.abort()
  const half = train(data, { ...options, run: at('half') }, { ...hooks, onEvent, signal: stop.signal })
  await expect(half).rejects.toMatchObject({ code: 'interrupted' })
  await expect(resume(at('half'))).rejects.toThrow(
    'was begun with a schedule of its own: pass it again, as resume(run, { schedule: … })',
  )
  await writeFile(at('other.mjs'), 'export default () => {}')
  const changed = { ...hooks, augmentation: new URL(`file://${at('other.mjs')}`) }
  await expect(resume(at('half'), changed)).rejects.toThrow(/the augmentation .*other.mjs has changed since/)
  await resume(at('half'), hooks)
  const digest = async (name: string) =>
    createHash('sha256')
      .update(await readFile(at(name, 'model', 'model.safetensors')))
      .digest('hex')
  expect(await digest('half')).toBe(await digest('whole'))
}, 120_000)

it('says what is wrong with an augmentation', async () => {
  const data = await imageFolder(at('photos'))
  await writeFile(at('nothing.mjs'), 'export const vignette = 1')
  const begin = (augmentation: URL) => train(data, { network: 'resnet18-narrow', run: at('never') }, { augmentation })
  await expect(begin(new URL(`file://${at('nothing.mjs')}`))).rejects.toThrow('has no function as its default export')
  await expect(begin(new URL(`file://${at('missing.mjs')}`))).rejects.toThrow(/cannot be loaded/)
  await expect(begin(new URL('data:text/javascript,export default () => {}'))).rejects.toThrow('is no file')
})
