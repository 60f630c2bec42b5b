/** The map of a class is pytorch-grad-cam's on the same weights. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { temporaryFolder } from '../base/folder.testing.js'
import { pythonWith } from '../base/python.testing.js'
import { sharedPath } from '../base/shared.js'
import { decodeFile, evaluationCrop, normalisation, normalise } from '../data/index.js'
import { engines } from '../engines/index.js'
import { networkGraph, networkNamed } from '../models/index.js'
import type { Model } from '../training/index.js'
import { writeModel } from '../training/model.js'
import { pretrainedModel } from './classifier.js'
import { compileGradCam } from './gradCam.js'
import { enlarge } from './heatMap.js'
import { randomModel, randomValues } from './randomModel.testing.js'

const python = pythonWith('pytorch_grad_cam', 'torchvision', 'timm')

const size = 96
const classes = ['ant', 'bee', 'cat', 'dog']
/** By test/pytorch/grad_cam.py with pytorch-grad-cam 1.5.7 and PyTorch 2.14.1: network and class → every eighth pixel. */
const recorded = z
  .record(z.string(), z.array(z.number()))
  .parse(JSON.parse(readFileSync('test/pytorch/grad_cam.json', 'utf8')))
const networks = ['resnet18', 'mobilenet_v2', 'efficientnet_lite0']
const image = randomValues('images', [1, 3, size, size])
const at = temporaryFolder()

/** The map of a class over the image, at every eighth pixel. */
async function mapOf(model: Model, image: Float32Array, label: number, engine = engines[1]!): Promise<number[]> {
  const { network, values, preprocessing } = model
  const graph = networkGraph(networkNamed(network), {
    classes: model.classes.length,
    batch: 1,
    size: preprocessing.size,
  })
  const gradCam = await compileGradCam(engine, graph, {})
  try {
    await gradCam.write(values)
    const map = await gradCam.map(await gradCam.forward(image), label)
    return sampled(enlarge(map, gradCam.side, preprocessing.size, preprocessing.size), preprocessing.size)
  } finally {
    await gradCam.dispose()
  }
}

const sampled = (map: Float32Array, side: number): number[] =>
  [...map].filter((_, i) => Math.floor(i / side) % 8 === 4 && (i % side) % 8 === 4)

const furthest = (a: readonly number[], b: readonly number[]): number => {
  expect(a).toHaveLength(b.length)
  return Math.max(...a.map((value, i) => Math.abs(value - b[i]!)))
}

/** What pytorch-grad-cam itself says, where it is installed. */
async function asked(model: Model, image: Float32Array, label: number): Promise<number[]> {
  await writeModel(at(model.network), model, '')
  await writeFile(at('image.f32'), new Uint8Array(image.buffer, image.byteOffset, image.byteLength))
  const { stdout } = await promisify(execFile)(python as string, [
    'test/pytorch/grad_cam.py',
    model.network,
    join(at(model.network), 'model.safetensors'),
    at('image.f32'),
    String(model.preprocessing.size),
    String(label),
  ])
  return z.array(z.number()).parse(JSON.parse(stdout))
}

describe.each(networks)('%s', network => {
  const model = randomModel(network, classes, size)

  it.each(
    engines.filter(
      engine => engine.supports(networkGraph(networkNamed(network), { classes: 4, batch: 1 }), 'float32').ok,
    ),
  )('has the map that pytorch-grad-cam has, on $name', async engine => {
    for (const label of [0, 2])
      expect(furthest(await mapOf(model, image, label, engine), recorded[`${network} ${label}`]!)).toBeLessThan(1e-3)
  })

  it.skipIf(!python)(
    'is recorded as pytorch-grad-cam has it here (skipped: needs REGRAFT_PEER_PYTHON with grad-cam, torchvision and timm)',
    async () => {
      for (const label of [0, 2])
        expect(furthest(await asked(model, image, label), recorded[`${network} ${label}`]!)).toBeLessThan(1e-3)
    },
  )
})

const weights = sharedPath('weights/efficientnet-lite0-57934424.pth')
const elephant = sharedPath('data/101_ObjectCategories/elephant/image_0001.jpg')

it.skipIf(!weights || !elephant)(
  'has the map that pytorch-grad-cam has of a photograph, with published weights (skipped: needs shared weights and images)',
  async () => {
    const model = await pretrainedModel(weights as string)
    const input = await inputOf(elephant as string, model)
    const africanElephant = model.classes.indexOf('African elephant')
    const key = 'efficientnet_lite0 photograph'
    expect(furthest(await mapOf(model, input, africanElephant), recorded[key]!)).toBeLessThan(1e-3)
  },
)

it('is enlarged between the centres of its cells', () => {
  const corner = enlarge(Float32Array.of(0, 0, 0, 1), 2, 4, 4)
  expect([...corner].map(value => Number(value.toFixed(4)))).toEqual([
    0, 0, 0, 0, 0, 0.0625, 0.1875, 0.25, 0, 0.1875, 0.5625, 0.75, 0, 0.25, 0.75, 1,
  ])
})

/** A photograph as the network gets it. */
async function inputOf(path: string, { preprocessing }: Model): Promise<Float32Array> {
  const { pixels } = evaluationCrop(await decodeFile(path), preprocessing)
  const input = new Float32Array(3 * preprocessing.size ** 2)
  normalise({ pixels, flipped: false }, preprocessing.size, normalisation(preprocessing), input)
  return input
}
