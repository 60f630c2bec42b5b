import { describe, expect, it } from 'vitest'
import { gradientStep, inferenceGraph } from '../../graph/index.js'
import { networkGraph, networkNamed } from '../../models/index.js'
import { around, computed, errorsOf } from './convolutions.testing.js'
import { nativeAddon } from './native.js'
import { planOf } from './plan.js'
import type { Plan } from './planned.js'

const marked = ({ operations }: Plan) => operations.filter(({ numbers }) => numbers.pointwise).map(one => one.kernel)
const unpadded = [0, 0, 0, 0] as const

describe('products of pixels and channels', () => {
  it.each([
    // Of ResNet-50's 36 convolutions of one tap, three have stride 2.
    ['resnet50', 33],
    ['mobilenet_v2', 34],
    ['efficientnet_lite0', 32],
  ])('are the convolutions of one tap at stride 1 in %s, and their gradients, in float32', (network, count) => {
    const { graph } = gradientStep(networkGraph(networkNamed(network), { classes: 7, batch: 8, size: 224 }))
    const kernels = marked(planOf(graph, 2))
    for (const kernel of ['conv2d', 'conv2dInputGradient', 'conv2dWeightGradient'])
      expect(kernels.filter(one => one === kernel)).toHaveLength(count)
    expect(marked(planOf(graph, 2, undefined, 'bfloat16'))).toEqual([])
  })

  it('are left to oneDNN where a network is served, with what follows them in the convolution', () => {
    const served = inferenceGraph(networkGraph(networkNamed('mobilenet_v2'), { classes: 7, batch: 8, size: 224 }))
    expect(marked(planOf(served.graph, 2))).toEqual([])
  })
})

/** Rounding puts a sum of n numbers off by some sqrt(n) 2^-24; the longest sum here is a gradient over 3034 pixels. */
const bound = 4e-6

const addon = nativeAddon()
if (typeof addon === 'string')
  describe('the kernels for them', () => it.skip(`skipped: needs the native engine (${addon})`, () => {}))
else
  describe('the kernels for them', () => {
    it.each([
      ['channels in whole blocks', [4, 32, 64, 15, 16], 2],
      ['channels that half fill a block', [2, 24, 40, 9, 7], 2],
      ['channels in no blocks and halves', [2, 21, 75, 5, 11], 2],
      ['fewer channels than half a block', [2, 5, 3, 8, 8], 1],
      ['single pixels', [6, 48, 17, 1, 1], 2],
      ['one image for more threads than it has rows', [1, 40, 96, 2, 3], 3],
      ['more pixels than are worked on at a time', [2, 16, 24, 37, 41], 2],
    ] as const)('give what the reference gives: %s', async (_, sides, threads) => {
      for (const { graph, kernels } of around(sides, 1, unpadded)) {
        const reference = computed(graph)
        for (const cache of [2 ** 12, 2 ** 30]) {
          const plan = planOf(graph, threads, cache)
          // What is served is here beside them: channels that fill no block, and a residual in the place of the result.
          expect(marked(plan).sort()).toEqual(kernels.length > 1 ? kernels : [])
          for (const { name, error } of await errorsOf(graph, plan, reference)) expect(error, name).toBeLessThan(bound)
        }
      }
    })
  })
