/** An exported model gives what the trained network gives, in ONNX Runtime by itself. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { z } from 'zod'
import { forInference, interpret } from '../graph/index.js'
import { networkGraph, networkNamed } from '../models/index.js'
import { writeModel } from '../training/model.js'
import { exportOnnx } from './index.js'
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
const { shape, data } = JSON.parse(readFileSync(images, 'utf8'))
const result = await session.run({ images: new Tensor('float32', Float32Array.from(data), shape) })
const [logits] = Object.values(result)
console.log(JSON.stringify({ shape: logits.dims, data: [...logits.data], inputs: session.inputNames }))
`
const reply = z.object({ shape: z.array(z.number()), data: z.array(z.number()), inputs: z.array(z.string()) })

const size = 32
const batch = 3
const networks = ['resnet18-narrow', 'mobilenet_v2', 'efficientnet_lite0']

it.each(networks)('%s, exported, has the logits of the network as it is, for any number of images', async network => {
  const classes = ['cat', 'dog', 'Käfer']
  const graph = forInference(networkGraph(networkNamed(network), { classes: classes.length, batch, size }))
  const images = randomValues('images', [batch, 3, size, size])
  const model = randomModel(network, classes, size)
  await writeModel(join(folder, 'model'), model, '')
  await exportOnnx(folder, join(folder, 'model.onnx'))

  const given = join(folder, 'images.json')
  await writeFile(given, JSON.stringify({ shape: [batch, 3, size, size], data: [...images] }))
  const script = ['--input-type=module', '--eval', served, '--', join(folder, 'model.onnx'), given]
  const { stdout } = await promisify(execFile)(process.execPath, script)
  const { shape, data, inputs } = reply.parse(JSON.parse(stdout))
  expect(inputs).toEqual(['images'])
  expect(shape).toEqual([batch, classes.length])
  const all = new Map(
    [...model.values, ['images', images] as const].map(([name, own]) => [name, Float64Array.from(own)]),
  )
  const expected = interpret(graph, all).get(graph.outputs[0] as string) as Float64Array
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  for (const [i, value] of expected.entries()) expect(Math.abs(data[i]! - value)).toBeLessThan(1e-5 * largest)
})

it('is for finished runs', () =>
  expect(exportOnnx(folder, join(folder, 'model.onnx'))).rejects.toThrow(/holds no trained model/))
