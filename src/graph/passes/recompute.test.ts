/** What is computed again has the same bits, and less memory is needed the more of it there is. */
import { describe, expect, it } from 'vitest'
import { randomStream } from '../../base/random.js'
import {
  elements,
  freeze,
  type Graph,
  GraphBuilder,
  interpret,
  recomputations,
  trainingStep,
  valuesOf,
} from '../index.js'

const batch = 2

/** What small networks are made of. */
function layers(name: string) {
  const b = new GraphBuilder(name)
  const conv = (layer: string, x: string, filters: number, kernel: number, stride = 1, groups = 1) => {
    const side = (kernel - 1) / 2
    const weight = b.declare(`${layer}.weight`, 'parameter', [filters, b.shape(x)[1]! / groups, kernel, kernel])
    return b.one('conv2d', layer, [x, weight], {
      stride: [stride, stride],
      padding: [side, side, side, side],
      groups,
      activation: 'none',
    })
  }
  const norm = (x: string) => {
    const shape = [b.shape(x)[1]!]
    const own = ['weight', 'bias'].map(part => b.declare(`${x}.norm.${part}`, 'parameter', shape))
    const running = ['mean', 'variance'].map(part => b.declare(`${x}.norm.running_${part}`, 'statistic', shape))
    const attributes = { eps: 1e-5, momentum: 0.1, training: false, activation: 'none' } as const
    return b.one('batchNorm', `${x}.norm`, [x, ...own, ...running], attributes)
  }
  const relu = (x: string) => b.one('relu', `${x}.relu`, [x], {})
  const relu6 = (x: string) => b.one('relu6', `${x}.relu6`, [x], {})
  const add = (x: string, y: string) => b.one('add', `${x}.sum`, [x, y], {})
  const finish = (x: string): Graph => {
    const pooled = b.one('globalAveragePool', 'pool', [x], {})
    const mask = b.declare('dropout.mask', 'input', b.shape(pooled))
    const features = b.one('dropout', 'dropout', [pooled, mask], { probability: 0.2 })
    const parameters = [
      b.declare('fc.weight', 'parameter', [3, b.shape(x)[1]!]),
      b.declare('fc.bias', 'parameter', [3]),
    ]
    return b.build([b.one('linear', 'fc', [features, ...parameters], {})])
  }
  return { b, conv, norm, relu, relu6, add, finish }
}

/** Pooling, and blocks with residuals, some of which change the number of channels and the size. */
function residualNetwork(): Graph {
  const { b, conv, norm, relu, add, finish } = layers('residual')
  let x = relu(norm(conv('conv', b.declare('images', 'input', [batch, 3, 16, 16]), 4, 3)))
  x = b.one('maxPool', 'maxPool', [x], { kernel: [3, 3], stride: [2, 2], padding: [1, 1, 1, 1] })
  for (let i = 0; i < 6; i++) {
    const [filters, stride] = i === 3 ? [8, 2] : [b.shape(x)[1]!, 1]
    const y = norm(conv(`${i}.conv2`, relu(norm(conv(`${i}.conv1`, x, filters, 3, stride))), filters, 3))
    x = relu(add(y, stride === 1 ? x : norm(conv(`${i}.downsample`, x, filters, 1, stride))))
  }
  return finish(x)
}

/** Blocks that widen, convolve each channel, and narrow, with residuals between the narrow ends. */
function invertedNetwork(): Graph {
  const { b, conv, norm, relu6, add, finish } = layers('inverted')
  let x = relu6(norm(conv('conv', b.declare('images', 'input', [batch, 3, 16, 16]), 4, 3, 2)))
  for (let i = 0; i < 5; i++) {
    const wide = relu6(norm(conv(`${i}.widen`, x, 12, 1)))
    const y = norm(conv(`${i}.narrow`, relu6(norm(conv(`${i}.depthwise`, wide, 12, 3, 1, 12))), 4, 1))
    x = i % 2 === 0 ? y : add(x, y)
  }
  return finish(x)
}

function values(graph: Graph): Map<string, Float64Array> {
  const scalars: Record<string, number> = { 'learningRate.all': 0.1, 'weightDecay.all': 0.01, momentum: 0.9 }
  return new Map(
    valuesOf(graph, 'input', 'parameter', 'statistic', 'state').map(({ name, shape }) => {
      const random = randomStream(3, name)
      const data = new Float64Array(elements(shape)).map(() => random.normal())
      if (shape.length === 0) data.fill(scalars[name] as number)
      if (name.endsWith('_variance')) data.fill(1)
      return [name, name.endsWith('.mask') ? data.map(value => (value > -0.8 ? 1.25 : 0)) : data]
    }),
  )
}

describe.each([residualNetwork, invertedNetwork])('recomputations of %o', network => {
  it.each([
    ['the batch’s statistics', false],
    ['stored statistics', true],
  ])('give the same outputs and updates, bit for bit, with %s', (_, storedStatistics) => {
    const options = { optimiser: { name: 'sgd', nesterov: false }, groupOf: () => 'all', storedStatistics } as const
    const step = trainingStep(network(), options)
    const ways = recomputations(step)
    expect(ways.length).toBeGreaterThan(3)
    const results = ways.map(({ graph }) => {
      const after = values(step)
      // The second step sees what the first one has updated.
      return [interpret(graph, after), interpret(graph, after), after]
    })
    for (const result of results) expect(result).toEqual(results[0])
  })

  it('leave a frozen trunk alone', () => {
    const trained = freeze(network(), name => !/^[345]\.|^fc/.test(name))
    const ways = recomputations(
      trainingStep(trained, { optimiser: { name: 'sgd', nesterov: false }, groupOf: () => 'all' }),
    )
    expect(ways.length).toBeGreaterThan(1)
    for (const { graph } of ways)
      expect([...graph.values.keys()].filter(name => /^(conv|0|1)\b.*\.again$/.test(name))).toEqual([])
  })

  it('take less memory, step by step, for more work', () => {
    const step = trainingStep(network(), { optimiser: { name: 'adamW', eps: 1e-8 }, groupOf: () => 'all' })
    const ways = recomputations(step)
    expect(ways[0]).toMatchObject({ graph: step, extra: 0 })
    ways.slice(1).forEach(({ peakBytes, extra }, i) => {
      expect(peakBytes).toBeLessThan(ways[i]!.peakBytes)
      expect(extra).toBeGreaterThan(ways[i]!.extra)
    })
    const last = ways.at(-1)!
    expect(last.peakBytes).toBeLessThan(0.7 * ways[0]!.peakBytes)
    // Never more than one further forward pass, which is a third of a step.
    expect(last.extra).toBeLessThan(1 / 3)
    // What is only updated is updated once.
    const statistics = ({ nodes }: Graph) => nodes.filter(({ operator }) => operator === 'runningStatistics').length
    expect(statistics(last.graph)).toBe(statistics(step))
  })
})
