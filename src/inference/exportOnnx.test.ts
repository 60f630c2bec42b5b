/** An exported model gives what the trained network gives, in ONNX Runtime by itself. */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { z } from 'zod'
import { randomStream } from '../base/random.js'
import { forInference, interpret } from '../graph/index.js'
import { networkGraph, networkNamed } from '../models/index.js'
import { writeModel } from '../training/model.js'
import { exportOnnx, predict } from './index.js'
import { randomModel, randomValues } from './randomModel.testing.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regraft-export-'))
})
afterEach(() => rm(folder, { recursive: true }))

/** A process of its own, as whoever serves the model has. */
const served = `
import { readFileSync } from 'node:fs'
import { InferenceSession, Tensor } from 'onnxruntime-node'
const [model, images] = process.argv.slice(-2)
const session = await InferenceSession.create(model)
const { type, shape, data } = JSON.parse(readFileSync(images, 'utf8'))
const array = type === 'uint8' ? Uint8Array : Float32Array
const result = await session.run({ [session.inputNames[0]]: new Tensor(type, array.from(data), shape) })
const [output] = Object.values(result)
console.log(JSON.stringify({ shape: output.dims, data: [...output.data], names: [...session.inputNames, ...session.outputNames] }))
`
const reply = z.object({ shape: z.array(z.number()), data: z.array(z.number()), names: z.array(z.string()) })

async function serve(type: 'float32' | 'uint8', shape: readonly number[], data: Float32Array | Uint8Array) {
  const given = join(folder, 'images.json')
  await writeFile(given, JSON.stringify({ type, shape, data: [...data] }))
  const script = ['--input-type=module', '--eval', served, '--', join(folder, 'model.onnx'), given]
  const { stdout } = await promisify(execFile)(process.execPath, script)
  return reply.parse(JSON.parse(stdout))
}

const size = 32
const batch = 3
const classes = ['cat', 'dog', 'Käfer']
const networks = ['resnet18-narrow', 'mobilenet_v2', 'efficientnet_lite0']

it.each(networks)('%s, exported, has the logits of the network as it is, for any number of images', async network => {
  const graph = forInference(networkGraph(networkNamed(network), { classes: classes.length, batch, size }))
  const images = randomValues('images', [batch, 3, size, size])
  const model = randomModel(network, classes, size)
  await writeModel(join(folder, 'model'), model, '')
  const { check, input, output } = await exportOnnx(folder, join(folder, 'model.onnx'))
  expect(check.difference).toBeLessThan(1e-5 * Math.max(1, check.largest))
  expect([input, output]).toEqual([`images float32 [batch, 3, ${size}, ${size}]`, 'logits float32 [batch, 3]'])

  const { shape, data, names } = await serve('float32', [batch, 3, size, size], images)
  expect(names).toEqual(['images', 'logits'])
  expect(shape).toEqual([batch, classes.length])
  const all = new Map(
    [...model.values, ['images', images] as const].map(([name, own]) => [name, Float64Array.from(own)]),
  )
  const expected = interpret(graph, all).get(graph.outputs[0] as string) as Float64Array
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  for (const [i, value] of expected.entries()) expect(Math.abs(data[i]! - value)).toBeLessThan(1e-5 * largest)
})

it.each([
  ['bilinear', 'center'],
  ['bicubic', 'center'],
  ['bilinear', 'squash'],
] as const)(
  'takes an image as it is, of any size, and gives the probabilities that predict gives (%s, %s)',
  async (interpolation, crop) => {
    const model = randomModel('resnet18-narrow', classes, size)
    const preprocessing = { ...model.preprocessing, interpolation, crop }
    await writeModel(join(folder, 'model'), { ...model, preprocessing }, '')
    const options = { preprocessing: true, probabilities: true }
    const { input, output } = await exportOnnx(folder, join(folder, 'model.onnx'), options)
    expect([input, output]).toEqual(['image uint8 [height, width, 3]', 'probabilities float32 [1, 3]'])
    for (const [width, height] of [
      [61, 40],
      [33, 210],
      [20, 20],
    ] as const) {
      const random = randomStream(7, width)
      const pixels = Uint8Array.from({ length: 3 * width * height }, () => random.integer(256))
      await sharp(pixels, { raw: { width, height, channels: 3 } }).toFile(join(folder, 'image.png'))
      const { names, shape, data } = await serve('uint8', [height, width, 3], pixels)
      expect(names).toEqual(['image', 'probabilities'])
      expect(shape).toEqual([1, 3])
      for await (const predicted of predict(folder, [join(folder, 'image.png')])) {
        const scores = 'scores' in predicted ? predicted.scores : []
        expect(scores).toHaveLength(3)
        for (const score of scores)
          expect(Math.abs(data[classes.indexOf(score.class)]! - score.probability)).toBeLessThan(1e-5)
      }
    }
  },
)

it('is refused where the file does not compute what the engine does, and what was there before is kept', async () => {
  const { values, ...model } = randomModel('resnet18-narrow', classes, size)
  // Numbers, but a sum of them is none
  const broken = new Map(values)
    .set(
      'fc.weight',
      values.get('fc.weight')!.map((_, i) => (i % 2 === 0 ? 3e38 : -3e38)),
    )
    .set(
      'bn1.bias',
      values.get('bn1.bias')!.map(() => 1e6),
    )
  await writeModel(join(folder, 'model'), { ...model, values: broken }, '')
  await writeFile(join(folder, 'model.onnx'), 'before')
  await expect(exportOnnx(folder, join(folder, 'model.onnx'))).rejects.toThrow(/model.onnx was not written: .* differs/)
  expect(await readFile(join(folder, 'model.onnx'), 'utf8')).toBe('before')
  expect((await readdir(folder)).sort()).toEqual(['model', 'model.onnx'])
})

it.skipIf(process.platform !== 'linux')('says where no file can be made', async () => {
  await writeModel(join(folder, 'model'), randomModel('resnet18-narrow', classes, size), '')
  await expect(exportOnnx(folder, '/proc/model.onnx')).rejects.toThrow(
    /^\/proc\/model.onnx cannot be written: no file can be made there/,
  )
})

it('is for finished runs', () =>
  expect(exportOnnx(folder, join(folder, 'model.onnx'))).rejects.toThrow(/holds no trained model/))
