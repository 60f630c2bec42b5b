import { describe, expect, it } from 'vitest'
import { randomStream } from '../../base/random.js'
import { elements, type Graph, GraphBuilder, gradientStep, interpret, valuesOf } from '../../graph/index.js'
import { onednnEngine } from './index.js'
import { nativeAddon } from './native.js'
import { planOf } from './plan.js'

/** Pointwise convolution, depthwise convolution, each with a norm, then a head: the inside of a light network's block. */
function block(kernel: number, stride: number): Graph {
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
    const attributes = { training: false, eps: 1e-3, momentum: 0.1, activation: 'relu6' } as const
    return builder.one('batchNorm', name, [x, ...vectors, ...statistics], attributes)
  }
  const images = builder.declare('images', 'input', [4, 3, 13, 11])
  const one = norm('n1', convolution('c1', images, [40, 3, 1, 1], { stride: 1, groups: 1 }))
  const two = norm('n2', convolution('c2', one, [40, 1, kernel, kernel], { stride, groups: 40 }))
  const features = builder.one('globalAveragePool', 'features', [two], {})
  return builder.build([
    builder.one('linear', 'logits', [features, parameter('fc.weight', 5, 40), parameter('fc.bias', 5)], {}),
  ])
}

const addon = nativeAddon()
describe('gradients of a depthwise convolution behind a norm', () => {
  if (typeof addon === 'string') {
    it.skip(`skipped: needs the native engine (${addon})`, () => {})
    return
  }
  it.each([
    [3, 1],
    [3, 2],
    [5, 1],
    [5, 2],
  ])('are computed by one kernel, side %i and stride %i, as the reference computes them', async (kernel, stride) => {
    const { graph, gradients } = gradientStep(block(kernel, stride))
    expect(planOf(graph, 2).operations.filter(one => one.kernel === 'depthwiseGradients')).toHaveLength(1)
    const values = new Map(
      valuesOf(graph, 'input', 'parameter', 'statistic').map(({ name, shape }) => {
        const random = randomStream(5, name)
        const data = new Float32Array(elements(shape)).map(() => random.normal())
        if (name === 'targets') data.fill(0.2)
        if (name.endsWith('running_var')) data.fill(1)
        return [name, data]
      }),
    )
    const program = await onednnEngine.compile(graph, { threads: 2 })
    try {
      for (const { name } of valuesOf(graph, 'parameter', 'statistic'))
        await program.write(name, values.get(name) as Float32Array)
      const outputs = await program.run({ images: values.get('images')!, targets: values.get('targets')! })
      const expected = interpret(graph, new Map([...values].map(([name, data]) => [name, Float64Array.from(data)])))
      for (const [parameter, gradient] of gradients) {
        const reference = expected.get(gradient)!
        const largest = reference.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3)
        const error = reference.reduce((most, value, i) => Math.max(most, Math.abs(value - outputs[gradient]![i]!)), 0)
        expect(error / largest, parameter).toBeLessThan(2e-5)
      }
    } finally {
      await program.dispose()
    }
  })
})
