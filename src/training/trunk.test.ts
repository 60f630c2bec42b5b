/** Weights as other libraries name and nest them: the same logits as those libraries compute, and the right trunk of several. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { temporaryFolder } from '../base/folder.testing.js'
import { pythonWith } from '../base/python.testing.js'
import { forInference, interpret, type Shape } from '../graph/index.js'
import { networkGraph, networkNamed, recognise, stateShapes } from '../models/index.js'
import { writeSafetensors } from '../weights/index.js'
import { graft } from './graft.js'
import { chooseTrunk, whatWasTaken } from './trunk.js'

const python = pythonWith('torchvision', 'timm', 'transformers')

const at = temporaryFolder()

/** Names and shapes as a library wrote them (test/pytorch/namings.py). */
async function recorded(name: string): Promise<Map<string, Shape>> {
  const text = await readFile(new URL(`../../test/pytorch/namings/${name}.txt`, import.meta.url), 'utf8')
  const lines = text.trimEnd().split('\n')
  const entries = lines.map(line => line.split(' ') as [string, string])
  return new Map(
    entries.flatMap(([key, shape]) =>
      key.endsWith('num_batches_tracked') ? [] : [[key, shape.split('x').map(Number)] as const],
    ),
  )
}

const shapesOf = (name: string) => stateShapes(networkGraph(networkNamed(name), { classes: 1000, batch: 1, size: 64 }))
const under = (prefix: string, entries: ReadonlyMap<string, Shape>) =>
  new Map([...entries].map(([name, shape]) => [`${prefix}${name}`, shape]))

describe('names that libraries give', () => {
  it.each([
    ['transformers-resnet18', 'resnet18', 'resnet.embedder.embedder.convolution.weight'],
    ['transformers-resnet50', 'resnet50', 'resnet.embedder.embedder.convolution.weight'],
    ['timm-mobilenetv2_100', 'mobilenet_v2', 'conv_stem.weight'],
    ['transformers-mobilenet_v2', 'tf_mobilenet_v2', 'mobilenet_v2.conv_stem.first_conv.convolution.weight'],
    ['fastai', 'resnet18', '0.0.weight'],
  ])('%s is %s', async (file, network, first) => {
    const trunk = chooseTrunk(await recorded(file), undefined, undefined, file)
    expect(trunk?.network.name).toBe(network)
    expect(trunk?.names.get(network.includes('mobilenet') ? 'features.0.0.weight' : 'conv1.weight')).toBe(first)
  })

  it('the trunk of fastai’s learner is used, and its own head left aside, with a line that says so', async () => {
    const trunk = chooseTrunk(await recorded('fastai'), undefined, undefined, 'a.pth')!
    expect(whatWasTaken(trunk, '/x/learner.pth')).toBe(
      "learner.pth: 100 entries below '0' are resnet18; left aside: 6 (1)",
    )
  })
})

describe('weights of another network than the one that was named', () => {
  it('are called what they are', async () => {
    const { values } = await graft({ network: 'efficientnet_lite1', weights: 'none', classes: 3, seed: 0 })
    const shapes = stateShapes(networkGraph(networkNamed('efficientnet_lite1'), { classes: 3, batch: 1 }))
    const state = new Map([...values].map(([name, data]) => [name, { shape: shapes.get(name)!, values: data }]))
    const file = at('lite1.safetensors')
    await writeSafetensors(file, state)
    await expect(graft({ network: 'efficientnet_lite2', weights: file, classes: 3, seed: 0 })).rejects.toThrow(
      `${file} holds the weights of efficientnet_lite1, not of efficientnet_lite2; pass --network efficientnet_lite1, or leave --network out`,
    )
  })

  it('are no network’s name', async () => {
    await expect(graft({ weights: 'resnet18', classes: 3, seed: 0 })).rejects.toThrow(
      '--weights resnet18: that is a network; pass --network resnet18 instead',
    )
  })
})

describe('prefixes', () => {
  const resnet = shapesOf('resnet18')

  it.each(['model.', 'net.', 'backbone.', 'encoder.', 'model._orig_mod.'])('%s is taken off', prefix => {
    const trunk = chooseTrunk(under(prefix, resnet), undefined, undefined, 'a.ckpt')!
    expect(trunk).toMatchObject({ network: { name: 'resnet18' }, prefix, aside: [] })
    expect(trunk.names.get('fc.bias')).toBe(`${prefix}fc.bias`)
  })

  const moco = new Map([...under('encoder_k.', resnet), ...under('encoder_q.', resnet), ['queue', [128, 16]] as const])

  it('of MoCo’s two encoders the query’s is taken, or the one that is asked for', () => {
    const trunk = chooseTrunk(moco, undefined, undefined, 'a.pth')!
    expect(trunk.prefix).toBe('encoder_q.')
    expect(whatWasTaken(trunk, 'moco.pth')).toBe(
      "moco.pth: 102 entries below 'encoder_q' are resnet18; left aside: 103 (encoder_k, queue). --weights-prefix takes another: encoder_k",
    )
    expect(chooseTrunk(moco, undefined, 'encoder_k', 'a.pth')?.prefix).toBe('encoder_k.')
    expect(() => chooseTrunk(moco, undefined, 'queue', 'a.pth')).toThrow(
      "a.pth holds no whole trunk below 'queue'; --weights-prefix may be: encoder_q, encoder_k",
    )
  })

  it('of DINO’s two networks the teacher is taken', () => {
    const dino = new Map([...under('student.module.backbone.', resnet), ...under('teacher.backbone.', resnet)])
    expect(chooseTrunk(dino, undefined, undefined, 'a.pth')?.prefix).toBe('teacher.backbone.')
  })

  it('a network with more blocks, or another layer in a block, is not taken for one that it contains', () => {
    const longer = new Map([...resnet, ['layer2.2.conv1.weight', [128, 128, 3, 3]] as const])
    const squeezed = new Map([...resnet, ['layer1.0.se.fc1.weight', [4, 64, 1, 1]] as const])
    for (const stranger of [longer, squeezed]) expect(recognise(stranger, [networkNamed('resnet18')])).toEqual([])
  })
})

it('TensorFlow’s output for background is cut off, so that classes stand where they belong', async () => {
  const shapes = stateShapes(networkGraph(networkNamed('tf_mobilenet_v2'), { classes: 4, batch: 1, size: 64 }))
  const recordedNames = chooseTrunk(await recorded('transformers-mobilenet_v2'), undefined, undefined, '')!.names
  const state = [...shapes].map(([own, shape]) => {
    const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i)
    return [recordedNames.get(own) as string, { shape, values }] as const
  })
  await writeSafetensors(at('google.safetensors'), new Map(state), {})
  const { values, network } = await graft({ weights: at('google.safetensors'), classes: 3, seed: 0, keepHead: true })
  expect(network.name).toBe('tf_mobilenet_v2')
  expect(values.get('classifier.1.bias')).toEqual(Float32Array.of(1, 2, 3))
  expect(values.get('classifier.1.weight')?.[0]).toBe(1280)
})

describe.skipIf(!python)(
  'beside the libraries themselves (skipped: needs REGRAFT_PEER_PYTHON with torchvision, timm and transformers)',
  () => {
    const size = 64
    let expected: Readonly<Record<string, readonly number[]>>
    beforeAll(async () => {
      const { stdout } = await promisify(execFile)(
        python as string,
        ['test/pytorch/namings.py', at('.'), String(size)],
        { maxBuffer: 2 ** 26 },
      )
      expected = z.record(z.string(), z.array(z.number())).parse(JSON.parse(stdout))
    }, 180_000)

    it.each([
      ['transformers-resnet18', 'transformers-resnet18', undefined],
      ['transformers-resnet50', 'transformers-resnet50', undefined],
      ['transformers-mobilenet_v2', 'transformers-mobilenet_v2', undefined],
      ['timm-mobilenetv2_100', 'timm-mobilenetv2_100', undefined],
      ['under-model.', 'resnet18', undefined],
      ['under-net.', 'resnet18', undefined],
      ['under-backbone.', 'resnet18', undefined],
      ['under-encoder.', 'resnet18', undefined],
      ['under-model._orig_mod.', 'resnet18', undefined],
      ['moco', 'resnet18', undefined],
      ['moco', 'other', 'encoder_k'],
      ['dino', 'resnet18', undefined],
      ['dino', 'other', 'student.module.backbone'],
    ])(
      '%s has the logits of %s',
      async (file, whose, weightsPrefix) => {
        const { network, values } = await graft({
          weights: at(`${file}.pth`),
          weightsPrefix,
          classes: 1000,
          seed: 0,
          keepHead: true,
        })
        const graph = forInference(networkGraph(network, { classes: 1000, batch: 1, size }))
        const bytes = await readFile(at('images.f32'))
        const images = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
        const doubles = new Map([...values, ['images', images] as const].map(([k, v]) => [k, Float64Array.from(v)]))
        const logits = interpret(graph, doubles).get(graph.outputs[0] as string) as Float64Array
        const theirs = expected[whose]!.slice(-1000)
        const difference = Math.max(...theirs.map((value, i) => Math.abs(value - logits[i]!)))
        const largest = Math.max(...theirs.map(Math.abs))
        expect(difference / largest).toBeLessThan(1e-4)
      },
      60_000,
    )

    it('fastai’s learner gives its trunk', async () => {
      const { network, values } = await graft({ weights: at('fastai.pth'), classes: 3, seed: 0 })
      expect(network.name).toBe('resnet18')
      const whole = await graft({ weights: at('under-net..pth'), classes: 3, seed: 0 })
      expect(values.get('layer4.1.conv2.weight')).toEqual(whole.values.get('layer4.1.conv2.weight'))
    })
  },
)
