/** A step whose values pass between operators on blocks of channels and operators that take ONNX's order. */
import { describe, expect, it } from 'vitest'
import { randomStream } from '../../base/random.js'
import { elements, type Graph, GraphBuilder, gradientStep, interpret, valuesOf } from '../../graph/index.js'
import { startProgram } from './program.js'

const around = (side: number) => [side, side, side, side] as const

/** As after a frozen trunk: from features [3, 20, 9, 8], by every kind of layer, and channels that fill no block. */
function network(): Graph {
  const builder = new GraphBuilder('head')
  const conv = (x: string, name: string, weight: number[], stride: 1 | 2, groups = 1) =>
    builder.one('conv2d', name, [x, builder.declare(`${name}.weight`, 'parameter', weight)], {
      stride: [stride, stride],
      padding: around((weight[2]! - 1) / 2),
      groups,
      activation: 'none',
    })
  const norm = (x: string, name: string) => {
    const vector = (part: string, role: 'parameter' | 'statistic') =>
      builder.declare(`${name}.${part}`, role, [builder.shape(x)[1]!])
    const inputs = [x, vector('weight', 'parameter'), vector('bias', 'parameter')]
    const statistics = [vector('runningMean', 'statistic'), vector('runningVariance', 'statistic')]
    const attributes = { eps: 1e-3, momentum: 0.1, training: false, activation: 'none' } as const
    return builder.one('batchNorm', name, [...inputs, ...statistics], attributes)
  }
  const features = builder.declare('images', 'input', [3, 20, 9, 8])
  const one = builder.one('relu', 'relu', [norm(conv(features, 'one', [24, 20, 3, 3], 1), 'norm1')], {})
  const odd = builder.one('relu', 'relu2', [norm(conv(one, 'odd', [7, 24, 1, 1], 1), 'norm2')], {})
  const back = builder.one('add', 'sum', [one, norm(conv(odd, 'back', [24, 7, 1, 1], 1), 'norm3')], {})
  const pool = { kernel: [3, 3], stride: [2, 2], padding: around(1) } as const
  const pooled = builder.one('maxPool', 'pool', [back], pool)
  const depthwise = norm(conv(pooled, 'depthwise', [24, 1, 3, 3], 2, 24), 'norm4')
  const last = norm(conv(builder.one('relu6', 'relu6', [depthwise], {}), 'last', [40, 24, 1, 1], 1), 'norm5')
  const pooledAll = builder.one('globalAveragePool', 'average', [last], {})
  const weights = [builder.declare('fc.weight', 'parameter', [5, 40]), builder.declare('fc.bias', 'parameter', [5])]
  return builder.build([builder.one('linear', 'logits', [pooledAll, ...weights], {})])
}

describe.each([true, false])('a step from features, on blocks of channels: %s', blocks => {
  it('has the gradients of the reference', async () => {
    const { graph } = gradientStep(network())
    const values = new Map(
      valuesOf(graph, 'input', 'parameter', 'statistic').map(({ name, shape }) => {
        const random = randomStream(5, name)
        const normal = new Float32Array(elements(shape)).map(() => 0.4 * random.normal())
        if (name === 'targets') return [name, normal.map((_, i) => (i % 6 === 0 ? 1 : 0))]
        return [name, name.startsWith('norm') && !name.endsWith('bias') ? normal.map(value => value + 1) : normal]
      }),
    )
    const expected = interpret(graph, new Map([...values].map(([name, data]) => [name, Float64Array.from(data)])))
    const program = await startProgram(graph, 2, blocks)
    try {
      for (const { name } of valuesOf(graph, 'parameter', 'statistic')) await program.write(name, values.get(name)!)
      const outputs = await program.run(
        Object.fromEntries(['images', 'targets'].map(name => [name, values.get(name)!])),
      )
      for (const [name, actual] of Object.entries(outputs)) {
        const truth = expected.get(name) as Float64Array
        const largest = truth.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3)
        const worst = truth.reduce((most, value, i) => Math.max(most, Math.abs(value - actual[i]!)), 0)
        expect(worst / largest, name).toBeLessThan(2e-5)
      }
    } finally {
      await program.dispose()
    }
  })
})
