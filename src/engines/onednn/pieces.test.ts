import { describe, expect, it } from 'vitest'
import { type Graph, GraphBuilder, gradientStep, trainingStep } from '../../graph/index.js'
import { networkGraph, networkNamed } from '../../models/index.js'
import { computed, errorsOf } from './convolutions.testing.js'
import { nativeAddon } from './native.js'
import { planOf } from './plan.js'
import type { Plan } from './planned.js'

/** Three convolutions of one tap, each with a norm; the third one's input is added to its result. */
function pointwiseBlock([batch, height, width]: readonly [number, number, number]): Graph {
  const builder = new GraphBuilder('block')
  const parameter = (name: string, ...shape: number[]) => builder.declare(name, 'parameter', shape)
  const convolution = (name: string, x: string, outputs: number, inputs: number) => {
    const geometry = { stride: [1, 1], padding: [0, 0, 0, 0], groups: 1, activation: 'none' } as const
    return builder.one('conv2d', name, [x, parameter(`${name}.weight`, outputs, inputs, 1, 1)], geometry)
  }
  const norm = (name: string, x: string) => {
    const vectors = ['weight', 'bias'].map(part => parameter(`${name}.${part}`, 48))
    const statistics = ['running_mean', 'running_var'].map(part =>
      builder.declare(`${name}.${part}`, 'statistic', [48]),
    )
    const attributes = { training: false, eps: 1e-3, momentum: 0.1, activation: 'relu6' } as const
    return builder.one('batchNorm', name, [x, ...vectors, ...statistics], attributes)
  }
  const images = builder.declare('images', 'input', [batch, 3, height, width])
  const one = norm('n1', convolution('c1', images, 48, 3))
  const two = norm('n2', convolution('c2', one, 48, 48))
  const three = norm('n3', convolution('c3', two, 48, 48))
  const features = builder.one('globalAveragePool', 'features', [builder.one('add', 'sum', [two, three], {})], {})
  return builder.build([
    builder.one('linear', 'logits', [features, parameter('fc.weight', 5, 48), parameter('fc.bias', 5)], {}),
  ])
}

describe('strips of pieces of images', () => {
  it('hold products and what stands around them for some pixels at a time', () => {
    const forward = networkGraph(networkNamed('efficientnet_lite0'), { classes: 7, batch: 32, size: 224 })
    const { strips, operations, values } = planOf(
      trainingStep(forward, { optimiser: { name: 'sgd', nesterov: false }, groupOf: () => 'all' }),
      2,
    )
    const cut = strips.filter(({ pieces }) => pieces > 1)
    // All strips with products of 28 x 28 pixels and more, forward and backward.
    const times = (count: number, pieces: number) => Array<number>(count).fill(pieces)
    expect(cut.map(({ pieces }) => pieces)).toEqual([56, 56, ...times(4, 14), ...times(8, 4), ...times(4, 14), 56, 56])
    for (const { first, end } of cut)
      for (const { outputs } of operations.slice(first, end))
        for (const output of outputs) {
          const value = values[output]
          if (value?.local) expect(value.bytes, value.name).toBeLessThan(256 * 1024)
        }
  })
})

const addon = nativeAddon()
if (typeof addon === 'string')
  describe('products in pieces', () => it.skip(`skipped: needs the native engine (${addon})`, () => {}))
else
  describe('products in pieces', () => {
    it.each([
      { images: [2, 32, 33], stored: false, past: 0 },
      { images: [2, 32, 33], stored: true, past: 0 },
      // So many bytes are written past the cache: what two norms are given, and what one's activation passes back.
      { images: [4, 153, 151], stored: false, past: 3 },
    ] as const)('are off by no more than those of whole images: %j', async ({ images, stored, past }) => {
      const { graph } = gradientStep(pointwiseBlock(images), stored)
      const reference = computed(graph)
      for (const threads of [1, 2]) {
        const [cut, whole] = [2 ** 12, 2 ** 40].map(cache => planOf(graph, threads, cache)) as [Plan, Plan]
        expect(cut.strips.some(({ pieces }) => pieces > 1)).toBe(true)
        expect(whole.strips.some(({ pieces }) => pieces > 1)).toBe(false)
        expect(cut.operations.filter(({ numbers, outputs }) => numbers.pointwise && outputs.length > 1)).toHaveLength(
          past,
        )
        const usual = new Map((await errorsOf(graph, whole, reference)).map(({ name, error }) => [name, error]))
        for (const { name, error } of await errorsOf(graph, cut, reference))
          expect(error, name).toBeLessThan(2 * usual.get(name)! + 4e-6)
      }
    })
  })
