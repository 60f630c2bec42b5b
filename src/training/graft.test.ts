/** What is refused of a file of weights, and what is said. */
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../base/folder.testing.js'
import { networkGraph, networkNamed, stateShapes } from '../models/index.js'
import { type StateTensor, writeSafetensors } from '../weights/index.js'
import { graft } from './graft.js'

const at = temporaryFolder()

/** A file of a network with numbers that differ, changed by `change`. */
async function written(name: string, network: string, change: (tensors: Map<string, StateTensor>) => void) {
  const shapes = stateShapes(networkGraph(networkNamed(network), { classes: 3, batch: 1, size: 64 }))
  const tensors = new Map<string, StateTensor>(
    [...shapes].map(([key, shape]) => [
      key,
      { shape, values: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => (i % 7) / 7) },
    ]),
  )
  change(tensors)
  await writeSafetensors(at(name), tensors)
  return at(name)
}

it('a head of one’s own keeps its classes, however many', async () => {
  const weights = await written('three.safetensors', 'resnet18-narrow', () => {})
  const { values } = await graft({ weights, classes: 1000, seed: 0, keepHead: true, ownClasses: true })
  expect(values.get('fc.bias')).toEqual(Float32Array.of(0, 1 / 7, 2 / 7))
})

describe('numbers that are none', () => {
  it('are refused with the names of their tensors and how many there are', async () => {
    const weights = await written('bad.safetensors', 'resnet18-narrow', tensors => {
      tensors.get('layer1.0.conv1.weight')?.values.set([Number.NaN, 1, Number.NaN, Number.POSITIVE_INFINITY])
      tensors.get('layer3.0.bn1.running_var')?.values.set([-0.5])
      tensors.get('layer4.1.bn2.running_var')?.values.fill(Number.NEGATIVE_INFINITY)
    })
    await expect(graft({ weights, classes: 5, seed: 0 })).rejects.toThrow(
      `${weights} is no use as it is: 'layer1.0.conv1.weight' has 2 NaN and 1 infinite of 1296 values; 'layer3.0.bn1.running_var' has 1 negative of 48 values; 'layer4.1.bn2.running_var' has 96 infinite of 96 values. Its training has diverged, or the file is damaged; take an earlier checkpoint, or get it again`,
    )
    await expect(graft({ weights, match: 'order', classes: 5, seed: 0 })).rejects.toThrow('1296 values')
  })

  it('do not matter in what is left aside', async () => {
    const weights = await written('mask.safetensors', 'resnet18-narrow', tensors => {
      tensors.set('decoder.mask', { shape: [2], values: Float32Array.of(0, Number.NEGATIVE_INFINITY) })
    })
    expect((await graft({ weights, classes: 5, seed: 0 })).note).toContain('left aside: 1 (decoder)')
  })
})

describe('a file of a network that is not known', () => {
  it('is called what it is, with what is known', async () => {
    const weights = await written('d.safetensors', 'resnet18-narrow', tensors => {
      tensors.delete('conv1.weight')
      tensors.set('conv1.0.weight', { shape: [6, 3, 3, 3], values: new Float32Array(162) })
      tensors.set('conv1.3.weight', { shape: [6, 6, 3, 3], values: new Float32Array(324) })
      tensors.set('layer2.0.downsample.2.weight', { shape: [24], values: new Float32Array(24) })
    })
    const words = `${weights} looks like ResNet-18-D, which has a stem of three 3 x 3 convolutions, and averages in its shortcuts before it strides; what Regraft knows is resnet18, resnet34, `
    await expect(graft({ weights, classes: 5, seed: 0 })).rejects.toThrow(words)
    await expect(graft({ weights, network: 'resnet18', classes: 5, seed: 0 })).rejects.toThrow(words)
  })
})
