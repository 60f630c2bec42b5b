/** A model in 8 bits is a quarter as large and gives the classes that the float one gives. */
import { readdir, rm, stat, writeFile } from 'node:fs/promises'
import { beforeAll, expect, it, vi } from 'vitest'
import { temporaryFolder } from '../base/folder.testing.js'
import { imageFolder } from '../data/index.js'
import { openModel } from '../engines/index.js'
import { demoShapes } from '../examples/pictogramShapes.js'
import { drawPictograms } from '../examples/pictograms.js'
import { train } from '../training/index.js'
import { exportInt8, exportOnnx } from './index.js'

const at = temporaryFolder()
const names = ['house', 'key', 'cup', 'fish']

beforeAll(async () => {
  const shapes = Object.fromEntries(names.map(name => [name, demoShapes[name]!]))
  await drawPictograms(at('images'), { shapes, imagesPerClass: 30, size: 64, seed: 3 })
  const data = await imageFolder(at('images'))
  await train(data, { network: 'resnet18-narrow', lrBackbone: 0, epochs: 5, split: '1:1:1', run: at('run') })
})

it('costs little, and says what', async () => {
  const { bytes } = await exportOnnx(at('run'), at('float.onnx'))
  const small = await exportInt8(at('run'), at('int8.onnx'))
  expect(small.bytes).toBe((await stat(at('int8.onnx'))).size)
  expect(small.bytes).toBeLessThan(0.4 * bytes)
  expect(small.calibrated).toBe(40)
  const { part, images, float32, int8, agreement } = small.comparison
  expect([part, images]).toEqual(['test', 40])
  expect(agreement).toBeGreaterThanOrEqual(0.95)
  expect(Math.abs(float32.top1 - int8.top1)).toBeLessThanOrEqual(1 - agreement + 1e-9)
  expect(float32.top1).toBeGreaterThan(0.5)
  expect(Math.min(float32.imagesPerSecond, int8.imagesPerSecond)).toBeGreaterThan(0)
})

it('says where it cannot write aside, and leaves nothing', async () => {
  for (const name of ['TMPDIR', 'TEMP']) vi.stubEnv(name, at('nowhere'))
  try {
    await expect(exportInt8(at('run'), at('aside.onnx'))).rejects.toThrow(
      `${at('nowhere')} cannot be written: no file can be made there; choose another folder`,
    )
  } finally {
    vi.unstubAllEnvs()
  }
  await expect(stat(at('aside.onnx'))).rejects.toThrow('ENOENT')
})

it('takes images as they are where that is asked for', async () => {
  const { input, output } = await exportInt8(at('run'), at('whole.onnx'), { preprocessing: true, probabilities: true })
  expect([input, output]).toEqual(['image uint8 [height, width, 3]', 'probabilities float32 [1, 4]'])
  const model = await openModel(at('whole.onnx'))
  try {
    const data = new Uint8Array(90 * 70 * 3).fill(200)
    const { probabilities } = await model.run({ image: { type: 'uint8', shape: [90, 70, 3], data } })
    expect(probabilities!.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5)
  } finally {
    model.close()
  }
})

it('leaves out images that can be decoded no longer', async () => {
  for (const name of await readdir(at('images/key'))) await writeFile(at(`images/key/${name}`), 'no image')
  const { calibrated, comparison } = await exportInt8(at('run'), at('int8.onnx'))
  expect([calibrated, comparison.images]).toEqual([30, 30])
  expect(comparison.float32.top1).toBeGreaterThan(0.5)
  for (const name of names)
    for (const file of await readdir(at(`images/${name}`))) await writeFile(at(`images/${name}/${file}`), '')
  await expect(exportInt8(at('run'), at('int8.onnx'))).rejects.toThrow(
    'none of 40 images of the run can be decoded any longer; restore them',
  )
})

it('needs images', async () => {
  await rm(at('images'), { recursive: true })
  await expect(exportInt8(at('run'), at('int8.onnx'))).rejects.toThrow(/8 bits need images to find their ranges on/)
})
