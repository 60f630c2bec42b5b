import { describe, expect, it } from 'vitest'
import { randomStream } from '../../base/random.js'
import {
  type Activation,
  elements,
  type Graph,
  GraphBuilder,
  gradientStep,
  interpret,
  lookUp,
  valuesOf,
} from '../../graph/index.js'
import { networkGraph, networkNamed } from '../../models/index.js'
import { computesBfloat16 } from './index.js'
import { nativeAddon } from './native.js'
import { type Plan, planOf } from './plan.js'
import { transformedBytes, winogradPays } from './winograd.js'

const marked = ({ operations }: Plan) => operations.filter(({ numbers }) => numbers.winograd).map(one => one.kernel)

describe("Winograd's method", () => {
  it('is for dense convolutions of 3 x 3 taps at stride 1', () => {
    expect(winogradPays([64, 64, 3, 3], [16, 64, 56, 56], [1, 1])).toBe(true)
    expect(winogradPays([64, 64, 3, 3], [16, 64, 56, 56], [2, 2])).toBe(false)
    expect(winogradPays([64, 64, 1, 1], [16, 64, 56, 56], [1, 1])).toBe(false)
    expect(winogradPays([64, 64, 5, 5], [16, 64, 56, 56], [1, 1])).toBe(false)
    expect(winogradPays([64, 3, 3, 3], [16, 64, 56, 56], [1, 1])).toBe(false)
  })

  it('needs so many outputs that transforming the weights pays, and tiles that are not mostly outside', () => {
    expect(winogradPays([512, 512, 3, 3], [16, 512, 7, 7], [1, 1])).toBe(true)
    expect(winogradPays([512, 512, 3, 3], [1, 512, 7, 7], [1, 1])).toBe(false)
    expect(winogradPays([512, 512, 3, 3], [1000, 512, 2, 2], [1, 1])).toBe(false)
  })

  it('pays less beside direct sums in bfloat16, since its own are in float32', () => {
    expect(winogradPays([64, 64, 3, 3], [16, 64, 56, 56], [1, 1], 'bfloat16')).toBe(true)
    expect(winogradPays([512, 512, 3, 3], [16, 512, 7, 7], [1, 1], 'bfloat16')).toBe(false)
  })

  it.each([
    ['float32', 13],
    ['bfloat16', 11],
  ] as const)('computes convolutions of ResNet-50 in %s: %i, and their gradients', (precision, count) => {
    const forward = networkGraph(networkNamed('resnet50'), { classes: 7, batch: 8, size: 224 })
    const kernels = marked(planOf(gradientStep(forward).graph, 2, undefined, precision))
    for (const kernel of ['conv2d', 'conv2dInputGradient', 'conv2dWeightGradient'])
      expect(kernels.filter(one => one === kernel)).toHaveLength(count)
  })

  it('needs four times the memory of the weights', () => {
    const plan = planOf(networkGraph(networkNamed('resnet50'), { classes: 7, batch: 8, size: 224 }), 2)
    const filters = 9 * (3 * 64 ** 2 + 3 * 128 ** 2 + 5 * 256 ** 2 + 2 * 512 ** 2)
    expect(transformedBytes(plan)).toBe(4 * 4 * filters)
  })
})

type Sides = readonly [batch: number, channels: number, filters: number, height: number, width: number]
type Padding = readonly [number, number, number, number]

const stride = [1, 1] as const

/** A convolution with everything that may follow it. */
function inference([batch, channels, filters, height, width]: Sides, padding: Padding, activation: Activation): Graph {
  const builder = new GraphBuilder('inference')
  const x = builder.declare('x', 'input', [batch, channels, height, width])
  const weight = builder.declare('weight', 'parameter', [filters, channels, 3, 3])
  const bias = builder.declare('bias', 'parameter', [filters])
  const [top, left, bottom, right] = padding
  const sides = [height + top + bottom - 2, width + left + right - 2]
  const residual = builder.declare('residual', 'input', [batch, filters, ...sides])
  const attributes = { stride, padding, groups: 1, activation }
  return builder.build([builder.one('conv2d', 'y', [x, weight, bias, residual], attributes)])
}

/** The gradients of a convolution behind another one. */
function training([batch, channels, filters, height, width]: Sides, padding: Padding): Graph {
  const builder = new GraphBuilder('training')
  const parameter = (name: string, ...shape: number[]) => builder.declare(name, 'parameter', shape)
  const attributes = { stride, groups: 1, activation: 'none' } as const
  const images = builder.declare('images', 'input', [batch, 3, height, width])
  const one = builder.one('conv2d', 'one', [images, parameter('one.weight', channels, 3, 1, 1)], {
    ...attributes,
    padding: [0, 0, 0, 0],
  })
  const two = builder.one('conv2d', 'two', [one, parameter('two.weight', filters, channels, 3, 3)], {
    ...attributes,
    padding,
  })
  const features = builder.one('globalAveragePool', 'features', [two], {})
  const head = [parameter('fc.weight', 5, filters), parameter('fc.bias', 5)]
  return gradientStep(builder.build([builder.one('linear', 'logits', [features, ...head], {})])).graph
}

const addon = nativeAddon()
if (typeof addon === 'string')
  describe('convolutions by it', () => it.skip(`skipped: needs the native engine (${addon})`, () => {}))
else
  describe('convolutions by it', () => {
    /** Bounds forward and backward: of bfloat16, a few of its roundings (2^-9), as images are stored in it. */
    const precisions = [
      ['float32', 2e-6, 2e-5],
      ...(computesBfloat16() ? [['bfloat16', 0.01, 0.02] as const] : []),
    ] as const
    /** Numbers for a graph, and what the reference makes of them. */
    const computed = (graph: Graph) => {
      const values = new Map(
        valuesOf(graph, 'input', 'parameter').map(({ name, shape }) => {
          const random = randomStream(11, name)
          const scale = shape.length === 4 && name.endsWith('weight') ? Math.sqrt(1 / elements(shape.slice(1))) : 1
          return [name, new Float32Array(elements(shape)).map(() => scale * random.normal())] as const
        }),
      )
      const expected = interpret(graph, new Map([...values].map(([name, data]) => [name, Float64Array.from(data)])))
      return { values, expected }
    }
    /** Largest difference of each output from the reference, of the largest value; of a loss, in logits, which are about 1. */
    const errors = async (graph: Graph, plan: Plan, { values, expected }: ReturnType<typeof computed>) => {
      const program = new addon.Program(plan)
      try {
        await program.compile()
        for (const [index, { name, persistent }] of plan.values.entries())
          if (persistent) await program.write(index, values.get(name)!)
        const outputs = graph.outputs.map(name => new Float32Array(elements(lookUp(graph, name).shape)))
        const inputs = valuesOf(graph, 'input').map(({ name }) => values.get(name)!)
        // Twice, since what the first run leaves behind must not matter.
        for (let time = 0; time < 2; time++) await program.run(inputs, outputs, new Uint8Array(1))
        return graph.outputs.map((name, i) => {
          const reference = expected.get(name)!
          const largest = reference.reduce((most, value) => Math.max(most, Math.abs(value)), name === 'loss' ? 1 : 0)
          const worst = reference.reduce((most, value, at) => Math.max(most, Math.abs(value - outputs[i]![at]!)), 0)
          return { name, error: worst / largest }
        })
      } finally {
        program.dispose()
      }
    }

    it.each([
      ['channels in whole blocks', [2, 32, 64, 16, 16], [1, 1, 1, 1], 2],
      ['one image of odd size, channels in no whole blocks', [1, 40, 71, 37, 39], [1, 1, 1, 1], 2],
      ['an odd number of blocks, one thread', [2, 33, 48, 23, 27], [1, 1, 1, 1], 1],
      ['no padding', [2, 32, 32, 26, 22], [0, 0, 0, 0], 2],
      ['padding on some sides, more threads than images', [2, 36, 32, 22, 25], [0, 1, 2, 2], 3],
    ] as const)('give what the reference gives: %s', async (_, sides, padding, threads) => {
      const graphs = [
        ...(['none', 'relu', 'relu6'] as const).map(activation => ({
          graph: inference(sides, padding, activation),
          kernels: ['conv2d'],
        })),
        { graph: training(sides, padding), kernels: ['conv2d', 'conv2dInputGradient', 'conv2dWeightGradient'] },
      ]
      for (const { graph, kernels } of graphs) {
        const reference = computed(graph)
        for (const [precision, ...bounds] of precisions)
          for (const cache of [2 ** 12, 2 ** 30]) {
            const plan = planOf(graph, threads, cache, precision)
            expect(marked(plan).sort()).toEqual(kernels)
            for (const { name, error } of await errors(graph, plan, reference))
              expect(error, `${name} in ${precision}`).toBeLessThan(bounds[kernels.length > 1 ? 1 : 0])
          }
      }
    })
  })
