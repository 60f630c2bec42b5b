import { describe, expect, it } from 'vitest'
import { randomStream } from '../base/random.js'
import {
  differentiate,
  elements,
  freeze,
  fuse,
  type Graph,
  GraphBuilder,
  gradientStep,
  interpret,
  lookUp,
  print,
  valuesOf,
} from './index.js'
import { forTraining } from './passes/mode.js'

/** Values for everything a graph reads: weights around 1 for norms, positive variances, distinct pixels. */
function randomValues(graph: Graph, seed = 0): Map<string, Float64Array> {
  return new Map(
    valuesOf(graph, 'input', 'parameter', 'statistic', 'state').map(({ name, shape }) => {
      const random = randomStream(seed, name)
      const data = new Float64Array(elements(shape)).map(() => random.normal())
      return [name, name.endsWith('running_var') ? data.map(value => 0.5 + value * value) : data]
    }),
  )
}

/** A network of every differentiable operator: norms with and without residual, both activations, pooling, dropout. */
function everyOperator(): Graph {
  const b = new GraphBuilder('every operator')
  const parameter = (name: string, ...shape: number[]) => b.declare(name, 'parameter', shape)
  const norm = (name: string, x: string) => {
    const channels = b.shape(x)[1] as number
    const statistics = [
      b.declare(`${name}.running_mean`, 'statistic', [channels]),
      b.declare(`${name}.running_var`, 'statistic', [channels]),
    ]
    const inputs = [x, parameter(`${name}.weight`, channels), parameter(`${name}.bias`, channels), ...statistics]
    return b.one('batchNorm', name, inputs, { eps: 1e-3, momentum: 0.1, training: false, activation: 'none' })
  }
  const convolution = (
    name: string,
    x: string,
    weight: number[],
    groups: number,
    stride: number,
    padding: [number, number, number, number],
  ) =>
    b.one('conv2d', name, [x, parameter(`${name}.weight`, ...weight)], {
      stride: [stride, stride],
      padding,
      groups,
      activation: 'none',
    })
  let x = b.declare('images', 'input', [2, 3, 9, 8])
  x = b.one('relu', 'relu1', [norm('norm1', convolution('stem', x, [4, 3, 3, 3], 1, 2, [0, 1, 1, 1]))], {})
  x = b.one('maxPool', 'pool', [x], { kernel: [3, 3], stride: [1, 1], padding: [1, 1, 1, 1] })
  const depthwise = b.one(
    'relu6',
    'relu2',
    [norm('norm2', convolution('depthwise', x, [4, 1, 3, 3], 4, 1, [1, 1, 1, 1]))],
    {},
  )
  const branch = norm('norm3', convolution('pointwise', depthwise, [4, 4, 1, 1], 1, 1, [0, 0, 0, 0]))
  const shortcut = norm('norm4', convolution('shortcut', x, [4, 2, 1, 1], 2, 1, [0, 0, 0, 0]))
  x = b.one('relu', 'relu3', [b.one('add', 'sum', [branch, shortcut], {})], {})
  x = b.one('add', 'linearSum', [norm('norm5', convolution('last', x, [4, 4, 1, 1], 1, 1, [0, 0, 0, 0])), x], {})
  x = b.one('globalAveragePool', 'features', [x], {})
  x = b.one('dropout', 'dropout', [x, b.declare('mask', 'input', [2, 4])], { probability: 0.5 })
  return b.build([b.one('linear', 'logits', [x, parameter('fc.weight', 5, 4), parameter('fc.bias', 5)], {})])
}

/** The derivative of the loss along a random direction in one parameter, by central differences. */
function slope(graph: Graph, values: Map<string, Float64Array>, parameter: string, direction: Float64Array): number {
  const lossAt = (step: number) => {
    const moved = new Map(values)
    moved.set(
      parameter,
      (values.get(parameter) as Float64Array).map((value, i) => value + step * direction[i]!),
    )
    return (interpret(graph, moved).get('loss') as Float64Array)[0]!
  }
  return (lossAt(1e-6) - lossAt(-1e-6)) / 2e-6
}

describe.each([
  ['the batch’s own statistics', false],
  ['stored statistics', true],
])('differentiate, batch norm on %s', (_, storedStatistics) => {
  const { graph, gradients } = gradientStep(everyOperator(), storedStatistics)
  const values = randomValues(graph, 7)
  const results = interpret(graph, new Map(values))

  it.each([...gradients])('the gradient of %s is the slope of the loss', (parameter, gradient) => {
    const random = randomStream(1, parameter)
    const direction = new Float64Array(elements(lookUp(graph, parameter).shape)).map(() => random.normal())
    const expected = slope(graph, values, parameter, direction)
    const actual = (results.get(gradient) as Float64Array).reduce((sum, g, i) => sum + g * direction[i]!, 0)
    expect(actual).toBeCloseTo(expected, 6)
  })

  it('covers every parameter', () => {
    expect([...gradients.keys()]).toEqual(valuesOf(graph, 'parameter').map(({ name }) => name))
  })
})

describe('fuse', () => {
  it('takes activations and additions into the norms, and computes the same', () => {
    const forward = everyOperator()
    const fused = fuse(forward)
    expect(fused.nodes.map(node => node.operator)).not.toContain('relu')
    expect(fused.nodes.filter(node => node.operator === 'add')).toHaveLength(0)
    const values = randomValues(forward)
    expect(interpret(fused, new Map(values)).get('logits')).toEqual(interpret(forward, values).get('logits'))
  })

  it('leaves an activation alone where something else reads the norm', () => {
    const b = new GraphBuilder('shared')
    const vectors = ['w', 'b', 'm', 'v'].map(name => b.declare(name, 'parameter', [2]))
    const norm = b.one('batchNorm', 'norm', [b.declare('x', 'input', [1, 2, 2, 2]), ...vectors], {
      eps: 1e-5,
      momentum: 0.1,
      training: false,
      activation: 'none',
    })
    const graph = b.build([b.one('relu', 'relu', [norm], {}), norm])
    expect(fuse(graph).nodes.map(node => node.operator)).toEqual(['batchNorm', 'relu'])
  })
})

describe('freeze', () => {
  const headOnly = freeze(everyOperator(), name => !name.startsWith('fc.'))

  it('leaves no backward pass for a frozen trunk and keeps its statistics', () => {
    const { graph, gradients } = gradientStep(headOnly)
    expect([...gradients.keys()]).toEqual(['fc.weight', 'fc.bias'])
    expect(graph.updates.size).toBe(0)
    const backward = graph.nodes.slice(
      graph.nodes.findIndex(node => node.operator === 'softmaxCrossEntropyGradient') + 1,
    )
    expect(backward.map(node => node.operator)).toEqual(['linearWeightGradient', 'linearBiasGradient'])
  })

  it('refuses to differentiate where nothing is trained', () => {
    const frozen = freeze(everyOperator(), () => true)
    expect(() => differentiate(frozen, 'logits')).toThrow("'logits' depends on no trainable parameter")
  })
})

describe('forTraining', () => {
  it('moves running statistics towards the batch’s, the variance unbiased, by PyTorch’s momentum', () => {
    const b = new GraphBuilder('norm')
    const x = b.declare('x', 'input', [2, 1, 1, 2])
    const inputs = [
      x,
      b.declare('w', 'parameter', [1]),
      b.declare('b', 'parameter', [1]),
      b.declare('m', 'statistic', [1]),
      b.declare('v', 'statistic', [1]),
    ]
    const y = b.one('batchNorm', 'y', inputs, { eps: 0, momentum: 0.1, training: false, activation: 'none' })
    const values = new Map(
      Object.entries({ x: [1, 2, 3, 6], w: [1], b: [0], m: [10], v: [1] }).map(([k, v]) => [k, Float64Array.from(v)]),
    )
    interpret(forTraining(b.build([y])), values)
    expect(values.get('m')?.[0]).toBeCloseTo(0.9 * 10 + 0.1 * 3, 12)
    expect(values.get('v')?.[0]).toBeCloseTo(0.9 * 1 + 0.1 * (14 / 3), 12)
  })
})

describe('print', () => {
  it('shows values, nodes and updates, one line each', () => {
    const b = new GraphBuilder('tiny')
    const x = b.declare('x', 'input', [1, 2])
    const graph = b.build([
      b.one('linear', 'y', [x, b.declare('w', 'parameter', [3, 2]), b.declare('c', 'parameter', [3])], {}),
    ])
    expect(print(freeze(graph, name => name === 'c'))).toBe(
      'graph tiny\n  input x [1, 2]\n  parameter w [3, 2]\n  frozen parameter c [3]\n  y [1, 3] = linear(x, w, c)\n  return y\n',
    )
  })
})

describe('GraphBuilder', () => {
  it('says which node got shapes that do not fit', () => {
    const b = new GraphBuilder('wrong')
    const x = b.declare('x', 'input', [1, 4])
    const inputs = [x, b.declare('w', 'parameter', [3, 2]), b.declare('c', 'parameter', [3])]
    expect(() => b.one('linear', 'fc', inputs, {})).toThrow("linear 'fc': 4 features do not fit weights [3,2]")
  })
})
