import { describe, expect, it } from 'vitest'
import { type Graph, GraphBuilder, gradientStep } from '../../graph/index.js'
import type { Precision } from '../engine.js'
import { computed, errorsOf } from './convolutions.testing.js'
import { computesBfloat16 } from './index.js'
import { nativeAddon } from './native.js'
import { planOf } from './plan.js'

interface Block {
  readonly kernel: number
  readonly stride: number
  /** Whether norms take the batch's statistics. */
  readonly training: boolean
  readonly images: readonly [batch: number, height: number, width: number]
  readonly precision: Precision
}

/** Pointwise convolution, depthwise convolution, each with a norm, then a head: the inside of a light network's block. */
function block({ kernel, stride, images: [batch, height, width], precision }: Block): Graph {
  const builder = new GraphBuilder('block')
  const parameter = (name: string, ...shape: number[]) => builder.declare(name, 'parameter', shape)
  const convolution = (name: string, x: string, weight: number[], geometry: { stride: number; groups: number }) => {
    const side = ((weight[2] as number) - 1) / 2
    const padding = [side - (geometry.stride === 2 && side > 0 ? 1 : 0), side, side, side] as const
    return builder.one('conv2d', name, [x, parameter(`${name}.weight`, ...weight)], {
      stride: [geometry.stride, geometry.stride],
      padding,
      groups: geometry.groups,
      activation: 'none',
    })
  }
  const norm = (name: string, x: string) => {
    const vectors = ['weight', 'bias'].map(part => parameter(`${name}.${part}`, 40))
    const statistics = ['running_mean', 'running_var'].map(part =>
      builder.declare(`${name}.${part}`, 'statistic', [40]),
    )
    // Rounded to bfloat16, a value may fall to the other side of an activation's bound, and its gradient with it.
    const activation = precision === 'float32' ? 'relu6' : 'none'
    const attributes = { training: false, eps: 1e-3, momentum: 0.1, activation } as const
    return builder.one('batchNorm', name, [x, ...vectors, ...statistics], attributes)
  }
  const images = builder.declare('images', 'input', [batch, 3, height, width])
  const one = norm('n1', convolution('c1', images, [40, 3, 1, 1], { stride: 1, groups: 1 }))
  const two = norm('n2', convolution('c2', one, [40, 1, kernel, kernel], { stride, groups: 40 }))
  const features = builder.one('globalAveragePool', 'features', [two], {})
  return builder.build([
    builder.one('linear', 'logits', [features, parameter('fc.weight', 5, 40), parameter('fc.bias', 5)], {}),
  ])
}

/** Of a result's largest value. */
const bounds = { float32: 2e-5, bfloat16: 2e-2 } as const

const addon = nativeAddon()
describe('a depthwise convolution between two norms', () => {
  if (typeof addon === 'string') {
    it.skip(`skipped: needs the native engine (${addon})`, () => {})
    return
  }
  const small = [4, 13, 11] as const
  it.each<Block>([
    ...(['float32', 'bfloat16'] as const).flatMap(precision =>
      [3, 5].flatMap(kernel =>
        [1, 2].flatMap(stride =>
          [true, false].map(training => ({ kernel, stride, training, images: small, precision })),
        ),
      ),
    ),
    // So many bytes are written past the cache.
    { kernel: 3, stride: 1, training: true, images: [4, 153, 151], precision: 'float32' },
    { kernel: 3, stride: 1, training: true, images: [8, 153, 151], precision: 'bfloat16' },
  ])('is one kernel, and its gradients are one, and both give what the reference gives: %j', async given => {
    const { precision } = given
    if (precision === 'bfloat16' && !computesBfloat16()) return
    const { graph } = gradientStep(block(given), !given.training)
    const reference = computed(graph)
    // What comes down through a norm sums up to nothing: the more pixels, the more of a sum is rounding.
    const bound = bounds[precision] * (given.images === small ? 1 : 10)
    for (const threads of [1, 2]) {
      const plan = planOf(graph, threads, undefined, precision)
      const kernels = plan.operations.map(({ kernel }) => kernel)
      expect(kernels.filter(kernel => kernel.startsWith('depthwise'))).toEqual(['depthwise', 'depthwiseGradients'])
      expect(kernels).not.toContain('conv2dInputGradient')
      // The first norm's result is read by these two only, the second one's by the head.
      expect(kernels.filter(kernel => kernel === 'normApply')).toHaveLength(1)
      for (const { name, error } of await errorsOf(graph, plan, reference)) expect(error, name).toBeLessThan(bound)
    }
  })
})
