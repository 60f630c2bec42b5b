/** Exported weights are the model's to the bit, and PyTorch's own networks load them strictly and compute the same. */
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { temporaryFolder } from '../base/folder.testing.js'
import { pythonWith } from '../base/python.testing.js'
import { forInference, interpret } from '../graph/index.js'
import { networkGraph, networkNamed } from '../models/index.js'
import { writeModel } from '../training/model.js'
import { readWeights } from '../weights/index.js'
import { pretrainedModel } from './classifier.js'
import { exportWeights } from './exportWeights.js'
import { randomModel, randomValues } from './randomModel.testing.js'

const python = pythonWith('torchvision', 'timm')

const at = temporaryFolder()
const classes = ['cat', 'dog', 'Käfer']
const size = 32
const formats = ['pth', 'safetensors'] as const

describe.each(formats)('%s', format => {
  it('holds every parameter and statistic, to the bit', async () => {
    const model = randomModel('resnet18-narrow', classes, size)
    await writeModel(at('narrow'), model, '')
    const { bytes, tensors } = await exportWeights(at('narrow'), at(`narrow.${format}`), format)
    expect(bytes).toBe((await readFile(at(`narrow.${format}`))).length)
    const { tensors: read } = await readWeights(at(`narrow.${format}`))
    expect(tensors).toBe(read.size)
    expect([...read.keys()]).toEqual([...model.values.keys()])
    for (const [name, { values }] of read) expect(values).toEqual(model.values.get(name))
  })

  it('says what its classes, preprocessing and temperature are, so that it alone predicts as the run does', async () => {
    const model = { ...randomModel('resnet18-narrow', classes, size), temperature: 1.5 }
    await writeModel(at('said'), model, '')
    await exportWeights(at('said'), at(`said.${format}`), format)
    const notes: string[] = []
    const read = await pretrainedModel(at(`said.${format}`), { onNote: words => notes.push(words) })
    expect(read).toEqual({ ...model, values: new Map(model.values) })
    expect(notes).toEqual([`said.${format} says: resnet18-narrow, 3 classes, 32 of 37 pixels, bilinear`])
    const named = await pretrainedModel(at(`said.${format}`), { classes: ['a', 'b', 'c'] })
    expect(named.classes).toEqual(['a', 'b', 'c'])
  })

  it.skipIf(!python).each([
    ['resnet18', ['torchvision', 'timm']],
    ['mobilenet_v2', ['torchvision']],
    ['efficientnet_lite0', ['timm']],
  ])(
    '%s loads strictly and has the same logits in %s (skipped: needs REGRAFT_PEER_PYTHON with torchvision and timm)',
    async (network, libraries) => {
      const model = randomModel(network, classes, size)
      await writeModel(at(network), model, '')
      const file = at(`${network}.${format}`)
      await exportWeights(at(network), file, format)
      const images = randomValues('images', [2, 3, size, size])
      await writeFile(at('images.f32'), new Uint8Array(images.buffer))
      const { stdout } = await promisify(execFile)(python as string, [
        'test/pytorch/logits.py',
        network,
        file,
        at('images.f32'),
        String(size),
      ])
      const logits = z.record(z.string(), z.array(z.number())).parse(JSON.parse(stdout))
      expect(Object.keys(logits)).toEqual(libraries)
      const graph = forInference(networkGraph(networkNamed(network), { classes: 3, batch: 2, size }))
      const given = new Map(
        [...model.values, ['images', images] as const].map(([name, own]) => [name, Float64Array.from(own)]),
      )
      const expected = interpret(graph, given).get(graph.outputs[0] as string) as Float64Array
      const largest = Math.max(...[...expected].map(Math.abs))
      for (const own of Object.values(logits))
        for (const [i, value] of own.entries()) expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-5 * largest)
    },
  )
})
