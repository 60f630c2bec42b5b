/** What every engine must do: each operator as its reference computes it, and the life of a program. */
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { randomStream } from '../base/random.js'
import {
  type AttributesOf,
  elements,
  type Graph,
  GraphBuilder,
  gradientStep,
  interpret,
  type OperatorName,
  type Shape,
  valuesOf,
} from '../graph/index.js'
import { networkGraph, networkNamed } from '../models/index.js'
import type { Engine, Precision } from './engine.js'

/** One application of an operator. */
export interface Case<Name extends OperatorName = OperatorName> {
  readonly operator: Name
  readonly attributes: AttributesOf<Name>
  /** Shapes of the inputs; undefined for an optional one that is absent. */
  readonly inputs: readonly (Shape | undefined)[]
  readonly outputs?: readonly string[]
}

/** A graph of that one node, whose inputs are i0, i1, …; updates of optimisers are outputs like others. */
function graphOf<Name extends OperatorName>({ operator, attributes, inputs, outputs = [''] }: Case<Name>): Graph {
  const builder = new GraphBuilder(operator)
  const names = inputs.map((shape, i) => (shape ? builder.declare(`i${i}`, 'input', shape) : ''))
  return builder.build(builder.node(operator, 'y', names, attributes, outputs))
}

/** Values as a precision stores them, so that what differs afterwards is the engine's own rounding. */
function stored(values: Float32Array, precision: Precision): Float32Array {
  if (precision === 'float32') return values
  const words = new Uint32Array(Float32Array.from(values).buffer)
  return new Float32Array(words.map(word => (word + 0x7fff + ((word >>> 16) & 1)) & 0xffff0000).buffer)
}

/** Values in [-2, 2]; variances are positive, and outputs that masks are made from cross their bounds. */
function valuesFor(graph: Graph, seed: number, precision: Precision): Map<string, Float32Array> {
  const operator = graph.nodes[0]!.operator
  return new Map(
    valuesOf(graph, 'input').map(({ name, shape }, position) => {
      const random = randomStream(seed, operator, name)
      const values = new Float32Array(elements(shape)).map(() => 4 * random.next() - 2)
      const isVariance =
        (operator.startsWith('batchNorm') && position === 4) || (operator === 'runningStatistics' && position % 2 === 1)
      const isSecondMoment = operator === 'adamW' && (position === 3 || shape.length === 0)
      const isBeta = operator === 'adamW' && (position === 8 || position === 9)
      if (isBeta) return [name, values.map(value => 0.5 + Math.abs(value) / 5)]
      const suited = isVariance || isSecondMoment ? values.map(value => 0.2 + Math.abs(value)) : values
      return [name, stored(suited, precision)]
    }),
  )
}

/** Runs a graph on an engine and by the reference; the largest difference of each output, relative to its largest value. */
async function compare(
  engine: Engine,
  graph: Graph,
  precision: Precision,
  seed: number,
): Promise<Record<string, number>> {
  const values = valuesFor(graph, seed, precision)
  if (graph.nodes[0]!.operator === 'maxPoolGradient') {
    // y has to be what pooling gives for x, or no element of a window is its maximum.
    const { attributes, inputs } = graph.nodes[0] as Extract<
      (typeof graph.nodes)[number],
      { operator: 'maxPoolGradient' }
    >
    const pool = graphOf({ operator: 'maxPool', attributes, inputs: [graph.values.get(inputs[1] as string)!.shape] })
    const x = values.get(inputs[1] as string) as Float32Array
    values.set(
      inputs[2] as string,
      Float32Array.from(interpret(pool, new Map([['i0', Float64Array.from(x)]])).get('y') as Float64Array),
    )
  }
  const program = await engine.compile(graph, { precision })
  try {
    const actual = await program.run(Object.fromEntries(values))
    const expected = interpret(graph, new Map([...values].map(([name, data]) => [name, Float64Array.from(data)])))
    return Object.fromEntries(
      graph.outputs.map(name => {
        const [truth, given] = [expected.get(name) as Float64Array, actual[name] as Float32Array]
        expect(given.length, name).toBe(truth.length)
        const largest = truth.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3)
        return [name, truth.reduce((most, value, i) => Math.max(most, Math.abs(value - given[i]!)), 0) / largest]
      }),
    )
  } finally {
    await program.dispose()
  }
}

const conv = (stride: number, padding: readonly [number, number, number, number], groups = 1) =>
  ({ stride: [stride, stride], padding, groups }) as const
const none = { activation: 'none' } as const

const cases: Record<string, Case> = {
  'conv2d 3x3': {
    operator: 'conv2d',
    attributes: { ...conv(1, [1, 1, 1, 1]), ...none },
    inputs: [
      [2, 5, 7, 6],
      [9, 5, 3, 3],
    ],
  },
  'conv2d 3x3, many channels and positions': {
    operator: 'conv2d',
    attributes: { ...conv(1, [1, 1, 1, 1]), ...none },
    inputs: [
      [2, 33, 13, 15],
      [40, 33, 3, 3],
    ],
  },
  'conv2d 7x7, stride 2, odd size': {
    operator: 'conv2d',
    attributes: { ...conv(2, [3, 3, 3, 3]), ...none },
    inputs: [
      [1, 3, 17, 15],
      [8, 3, 7, 7],
    ],
  },
  'conv2d depthwise 5x5, stride 2, asymmetric padding': {
    operator: 'conv2d',
    attributes: { ...conv(2, [1, 1, 2, 2], 24), ...none },
    inputs: [
      [2, 24, 10, 8],
      [24, 1, 5, 5],
    ],
  },
  'conv2d in two groups': {
    operator: 'conv2d',
    attributes: { ...conv(1, [0, 0, 0, 0], 2), ...none },
    inputs: [
      [2, 4, 5, 5],
      [6, 2, 3, 3],
    ],
  },
  'conv2d in 16 groups of four, stride 2, with bias and relu': {
    operator: 'conv2d',
    attributes: { ...conv(2, [1, 1, 1, 1], 16), activation: 'relu' },
    inputs: [[2, 64, 7, 6], [64, 4, 3, 3], [64]],
  },
  'conv2d 1x1 on one pixel': {
    operator: 'conv2d',
    attributes: { ...conv(1, [0, 0, 0, 0]), ...none },
    inputs: [
      [1, 20, 1, 1],
      [7, 20, 1, 1],
    ],
  },
  'conv2d with bias and relu6': {
    operator: 'conv2d',
    attributes: { ...conv(1, [1, 1, 1, 1]), activation: 'relu6' },
    inputs: [[2, 5, 6, 6], [9, 5, 3, 3], [9]],
  },
  'conv2d with bias, residual and relu': {
    operator: 'conv2d',
    attributes: { ...conv(1, [0, 0, 0, 0]), activation: 'relu' },
    inputs: [[2, 5, 6, 6], [9, 5, 1, 1], [9], [2, 9, 6, 6]],
  },
  'conv2d with bias and residual': {
    operator: 'conv2d',
    attributes: { ...conv(1, [0, 0, 0, 0]), ...none },
    inputs: [[2, 5, 6, 6], [9, 5, 1, 1], [9], [2, 9, 6, 6]],
  },
  'conv2d depthwise with bias and relu6': {
    operator: 'conv2d',
    attributes: { ...conv(1, [1, 1, 1, 1], 20), activation: 'relu6' },
    inputs: [[2, 20, 6, 5], [20, 1, 3, 3], [20]],
  },
  'conv2dInputGradient 3x3': {
    operator: 'conv2dInputGradient',
    attributes: { ...conv(1, [1, 1, 1, 1]), inputSize: [7, 6] },
    inputs: [
      [2, 9, 7, 6],
      [9, 5, 3, 3],
    ],
  },
  'conv2dInputGradient 3x3, many channels and positions': {
    operator: 'conv2dInputGradient',
    attributes: { ...conv(1, [1, 1, 1, 1]), inputSize: [13, 15] },
    inputs: [
      [2, 40, 13, 15],
      [40, 33, 3, 3],
    ],
  },
  'conv2dInputGradient 3x3, stride 2': {
    operator: 'conv2dInputGradient',
    attributes: { ...conv(2, [1, 1, 1, 1]), inputSize: [8, 7] },
    inputs: [
      [2, 9, 4, 4],
      [9, 5, 3, 3],
    ],
  },
  'conv2dInputGradient 1x1, stride 2': {
    operator: 'conv2dInputGradient',
    attributes: { ...conv(2, [0, 0, 0, 0]), inputSize: [7, 8] },
    inputs: [
      [2, 9, 4, 4],
      [9, 5, 1, 1],
    ],
  },
  'conv2dInputGradient depthwise 5x5, stride 2': {
    operator: 'conv2dInputGradient',
    attributes: { ...conv(2, [1, 1, 2, 2], 24), inputSize: [10, 8] },
    inputs: [
      [2, 24, 5, 4],
      [24, 1, 5, 5],
    ],
  },
  'conv2dInputGradient depthwise 3x3, stride 2, odd size': {
    operator: 'conv2dInputGradient',
    attributes: { ...conv(2, [1, 1, 1, 1], 20), inputSize: [9, 7] },
    inputs: [
      [1, 20, 5, 4],
      [20, 1, 3, 3],
    ],
  },
  'conv2dInputGradient in two groups': {
    operator: 'conv2dInputGradient',
    attributes: { ...conv(1, [1, 1, 1, 1], 2), inputSize: [5, 5] },
    inputs: [
      [2, 6, 5, 5],
      [6, 2, 3, 3],
    ],
  },
  'conv2dInputGradient in 16 groups of four, stride 2': {
    operator: 'conv2dInputGradient',
    attributes: { ...conv(2, [1, 1, 1, 1], 16), inputSize: [7, 6] },
    inputs: [
      [2, 64, 4, 3],
      [64, 4, 3, 3],
    ],
  },
  'conv2dWeightGradient 3x3': {
    operator: 'conv2dWeightGradient',
    attributes: { ...conv(1, [1, 1, 1, 1]), kernel: [3, 3] },
    inputs: [
      [2, 5, 7, 6],
      [2, 9, 7, 6],
    ],
  },
  'conv2dWeightGradient 3x3, many channels and positions': {
    operator: 'conv2dWeightGradient',
    attributes: { ...conv(1, [1, 1, 1, 1]), kernel: [3, 3] },
    inputs: [
      [2, 33, 13, 15],
      [2, 40, 13, 15],
    ],
  },
  'conv2dWeightGradient 3x3, many positions': {
    operator: 'conv2dWeightGradient',
    attributes: { ...conv(1, [1, 1, 1, 1]), kernel: [3, 3] },
    inputs: [
      [2, 3, 30, 30],
      [2, 4, 30, 30],
    ],
  },
  'conv2dWeightGradient 7x7, stride 2': {
    operator: 'conv2dWeightGradient',
    attributes: { ...conv(2, [3, 3, 3, 3]), kernel: [7, 7] },
    inputs: [
      [2, 3, 15, 14],
      [2, 8, 8, 7],
    ],
  },
  'conv2dWeightGradient 1x1, stride 2': {
    operator: 'conv2dWeightGradient',
    attributes: { ...conv(2, [0, 0, 0, 0]), kernel: [1, 1] },
    inputs: [
      [2, 5, 7, 8],
      [2, 9, 4, 4],
    ],
  },
  'conv2dWeightGradient 1x1': {
    operator: 'conv2dWeightGradient',
    attributes: { ...conv(1, [0, 0, 0, 0]), kernel: [1, 1] },
    inputs: [
      [2, 5, 7, 8],
      [2, 9, 7, 8],
    ],
  },
  'conv2dWeightGradient depthwise 5x5, stride 2': {
    operator: 'conv2dWeightGradient',
    attributes: { ...conv(2, [1, 1, 2, 2], 24), kernel: [5, 5] },
    inputs: [
      [2, 24, 10, 8],
      [2, 24, 5, 4],
    ],
  },
  'conv2dWeightGradient depthwise 3x3, odd size': {
    operator: 'conv2dWeightGradient',
    attributes: { ...conv(2, [1, 1, 1, 1], 20), kernel: [3, 3] },
    inputs: [
      [3, 20, 9, 6],
      [3, 20, 5, 3],
    ],
  },
  'conv2dWeightGradient in two groups': {
    operator: 'conv2dWeightGradient',
    attributes: { ...conv(1, [1, 1, 1, 1], 2), kernel: [3, 3] },
    inputs: [
      [2, 4, 5, 5],
      [2, 6, 5, 5],
    ],
  },
  'conv2dWeightGradient in 16 groups of four, stride 2': {
    operator: 'conv2dWeightGradient',
    attributes: { ...conv(2, [1, 1, 1, 1], 16), kernel: [3, 3] },
    inputs: [
      [2, 64, 7, 6],
      [2, 64, 4, 3],
    ],
  },
  'maxPool 3x3, stride 2': {
    operator: 'maxPool',
    attributes: { kernel: [3, 3], stride: [2, 2], padding: [1, 1, 1, 1] },
    inputs: [[2, 5, 9, 8]],
  },
  'maxPoolGradient 3x3, stride 2': {
    operator: 'maxPoolGradient',
    attributes: { kernel: [3, 3], stride: [2, 2], padding: [1, 1, 1, 1] },
    inputs: [
      [2, 5, 5, 4],
      [2, 5, 9, 8],
      [2, 5, 5, 4],
    ],
  },
  globalAveragePool: { operator: 'globalAveragePool', attributes: {}, inputs: [[2, 19, 7, 5]] },
  globalAveragePoolGradient: {
    operator: 'globalAveragePoolGradient',
    attributes: { inputSize: [7, 5] },
    inputs: [[2, 19]],
  },
  linear: { operator: 'linear', attributes: {}, inputs: [[3, 17], [5, 17], [5]] },
  linearInputGradient: {
    operator: 'linearInputGradient',
    attributes: {},
    inputs: [
      [3, 5],
      [5, 17],
    ],
  },
  linearWeightGradient: {
    operator: 'linearWeightGradient',
    attributes: {},
    inputs: [
      [3, 17],
      [3, 5],
    ],
  },
  linearBiasGradient: { operator: 'linearBiasGradient', attributes: {}, inputs: [[3, 5]] },
  relu: { operator: 'relu', attributes: {}, inputs: [[2, 5, 3, 3]] },
  relu6: { operator: 'relu6', attributes: {}, inputs: [[2, 5, 3, 3]] },
  reluGradient: {
    operator: 'reluGradient',
    attributes: {},
    inputs: [
      [2, 5, 3, 3],
      [2, 5, 3, 3],
    ],
  },
  relu6Gradient: {
    operator: 'relu6Gradient',
    attributes: {},
    inputs: [
      [2, 5, 3, 3],
      [2, 5, 3, 3],
    ],
  },
  add: {
    operator: 'add',
    attributes: {},
    inputs: [
      [2, 5, 3, 3],
      [2, 5, 3, 3],
    ],
  },
  dropout: {
    operator: 'dropout',
    attributes: { probability: 0.5 },
    inputs: [
      [3, 17],
      [3, 17],
    ],
  },
  softmaxCrossEntropy: {
    operator: 'softmaxCrossEntropy',
    attributes: {},
    inputs: [
      [4, 7],
      [4, 7],
    ],
  },
  softmaxCrossEntropyGradient: {
    operator: 'softmaxCrossEntropyGradient',
    attributes: {},
    inputs: [
      [4, 7],
      [4, 7],
    ],
  },
  runningStatistics: {
    operator: 'runningStatistics',
    attributes: { momentum: 0.1, count: 12 },
    inputs: [[5], [5], [5], [5]],
    outputs: ['mean', 'variance'],
  },
  sgd: {
    operator: 'sgd',
    attributes: { nesterov: false },
    inputs: [[5, 3], [5, 3], [5, 3], [], [], []],
    outputs: ['', 'velocity'],
  },
  'sgd, Nesterov': {
    operator: 'sgd',
    attributes: { nesterov: true },
    inputs: [[37], [37], [37], [], [], []],
    outputs: ['', 'velocity'],
  },
  adamW: {
    operator: 'adamW',
    attributes: { eps: 1e-8 },
    inputs: [[5, 3], [5, 3], [5, 3], [5, 3], [], [], [], [], [], []],
    outputs: ['', 'm', 'v'],
  },
  'adamW, scaled gradient': {
    operator: 'adamW',
    attributes: { eps: 1e-8 },
    inputs: [[37], [37], [37], [37], [], [], [], [], [], [], []],
    outputs: ['', 'm', 'v'],
  },
  'sgd, scaled gradient': {
    operator: 'sgd',
    attributes: { nesterov: false },
    inputs: [[5, 3], [5, 3], [5, 3], [], [], [], []],
    outputs: ['', 'velocity'],
  },
  blend: { operator: 'blend', attributes: {}, inputs: [[5, 3], [5, 3], [], []] },
  clipScale: { operator: 'clipScale', attributes: {}, inputs: [[], [5, 3], [37], [2, 3, 3, 3]] },
}

/** Norms: on stored statistics and on the batch's, with and without residual, for each activation. */
for (const training of [false, true])
  for (const activation of ['none', 'relu', 'relu6'] as const)
    for (const [residual, channels] of [
      [false, 19],
      [true, 20],
      [true, 19],
      [false, 20],
    ] as const) {
      const x = [3, channels, 5, 4]
      const c = [channels]
      const name = `${training ? 'batch' : 'stored'} statistics, ${activation}${residual ? ', residual' : ''}, ${channels} channels`
      cases[`batchNorm on ${name}`] = {
        operator: 'batchNorm',
        attributes: { eps: 1e-3, momentum: 0.1, training, activation },
        inputs: [x, c, c, c, c, ...(residual ? [x] : [])],
        ...(training ? { outputs: ['', 'mean', 'variance'] } : {}),
      }
      cases[`batchNormGradient on ${name}`] = {
        operator: 'batchNormGradient',
        attributes: { eps: 1e-3, training, activation },
        inputs: [x, x, c, c, c, ...(activation === 'none' ? [] : [x])],
        outputs: ['dx', 'dweight', 'dbias', ...(residual && activation !== 'none' ? ['dresidual'] : [])],
      }
    }

/** A convolution of any kind that networks here could have. */
const anyConvolution = fc
  .record({
    batch: fc.integer({ min: 1, max: 3 }),
    channels: fc.oneof(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 10 }).map(fours => 4 * fours),
    ),
    filters: fc.oneof(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 10 }).map(fours => 4 * fours),
    ),
    height: fc.integer({ min: 1, max: 12 }),
    width: fc.integer({ min: 1, max: 12 }),
    kernel: fc.constantFrom(1, 3, 5),
    stride: fc.constantFrom(1, 2),
    /** A group of several has a few channels. */
    groups: fc.constantFrom('one', 'several', 'depthwise'),
    several: fc.record({
      groups: fc.integer({ min: 2, max: 8 }),
      channels: fc.integer({ min: 1, max: 9 }),
      filters: fc.integer({ min: 1, max: 9 }),
    }),
    extra: fc.constantFrom(0, 1),
  })
  .map(({ batch, height, width, kernel, stride, extra, ...given }) => {
    const [groups, channels, filters] = {
      one: [1, given.channels, given.filters],
      several: [given.several.groups, given.several.channels, given.several.filters * given.several.groups],
      depthwise: [given.channels, 1, given.channels],
    }[given.groups] as [number, number, number]
    const side = (kernel - 1) / 2
    // A pointwise convolution is never padded; others as in PyTorch, or as TensorFlow's SAME at stride 2.
    const before = kernel > 1 ? side - (stride === 2 ? Math.min(extra, side) : 0) : 0
    const padding = [before, before, side, side] as const
    const out = (size: number) => Math.floor((size + before + side - kernel) / stride) + 1
    return {
      geometry: { stride: [stride, stride] as const, padding, groups },
      x: [batch, channels * groups, height, width] as const,
      weight: [filters, channels, kernel, kernel] as const,
      y: [batch, filters, out(height), out(width)] as const,
      kernel: [kernel, kernel] as const,
    }
  })
  .filter(({ y }) => y[2] > 0 && y[3] > 0)

/**
 * Registers the tests of an engine.
 * @param tolerance largest difference to the reference, relative to an output's largest value
 */
export function describeEngine(
  engine: Engine,
  {
    precision = 'float32',
    tolerance = 2e-5,
    convolutions = 15,
    batch = 8,
    runs = 10,
    forOperators = engine,
  }: {
    precision?: Precision
    tolerance?: number
    /** How many random convolutions are tried, and how many images those of some weight have. */
    convolutions?: number
    batch?: number
    /** How often a whole network is run to see that nothing is left over from the run before. */
    runs?: number
    /** The same engine, where it can begin the many programs of single operators faster. */
    forOperators?: Engine
  } = {},
): void {
  describe(`${engine.name}, operators in ${precision}`, () => {
    it.each(Object.entries(cases))('%s', async (_, one) => {
      for (const [output, error] of Object.entries(await compare(forOperators, graphOf(one), precision, 1)))
        expect(error, output).toBeLessThan(tolerance)
    })

    it('convolutions of any size, and their gradients', async () => {
      await fc.assert(
        fc.asyncProperty(anyConvolution, async ({ geometry, x, weight, y, kernel }) => {
          const runs: Case[] = [
            { operator: 'conv2d', attributes: { ...geometry, activation: 'none' }, inputs: [x, weight] },
            {
              operator: 'conv2dInputGradient',
              attributes: { ...geometry, inputSize: [x[2], x[3]] },
              inputs: [y, weight],
            },
            { operator: 'conv2dWeightGradient', attributes: { ...geometry, kernel }, inputs: [x, y] },
          ]
          for (const one of runs)
            for (const error of Object.values(await compare(forOperators, graphOf(one), precision, 2)))
              expect(error, one.operator).toBeLessThan(tolerance)
        }),
        { numRuns: convolutions, seed: 7 },
      )
    })
  })

  describe(`${engine.name}, inference in ${precision}`, () => {
    it.each([
      ['relu', 32],
      ['relu6', 32],
      ['none', 32],
      ['relu', 8],
    ] as const)('a residual block with its weights written, %s, %i groups', async (activation, groups) => {
      const builder = new GraphBuilder('block')
      const parameter = (name: string, ...shape: number[]) => builder.declare(name, 'parameter', shape)
      const x = builder.declare('images', 'input', [2, 3, 12, 12])
      const stem = builder.one(
        'conv2d',
        'stem',
        [x, parameter('stem.weight', 32, 3, 3, 3), parameter('stem.bias', 32)],
        {
          ...conv(2, [0, 0, 1, 1]),
          activation: 'relu',
        },
      )
      const inputs = [stem, parameter('one.weight', 32, 32 / groups, 3, 3), parameter('one.bias', 32)]
      const one = builder.one('conv2d', 'one', inputs, { ...conv(1, [1, 1, 1, 1], groups), activation })
      const two = builder.one(
        'conv2d',
        'two',
        [one, parameter('two.weight', 32, 32, 1, 1), parameter('two.bias', 32), stem],
        { ...conv(1, [0, 0, 0, 0]), activation },
      )
      const features = builder.one('globalAveragePool', 'features', [two], {})
      const weights = [parameter('fc.weight', 5, 32), parameter('fc.bias', 5)]
      const graph = builder.build([builder.one('linear', 'logits', [features, ...weights], {})])
      const values = new Map(
        valuesOf(graph, 'input', 'parameter').map(({ name, shape }) => {
          const random = randomStream(3, name)
          const normal = new Float32Array(elements(shape)).map(() => random.normal())
          return [name, stored(normal, precision)]
        }),
      )
      const program = await engine.compile(graph, { precision })
      try {
        for (const { name } of valuesOf(graph, 'parameter')) await program.write(name, values.get(name) as Float32Array)
        const expected = interpret(
          graph,
          new Map([...values].map(([name, data]) => [name, Float64Array.from(data)])),
        ).get('logits')!
        const { logits } = await program.run({ images: values.get('images') as Float32Array })
        const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
        for (const [i, value] of expected.entries())
          expect(Math.abs(value - logits![i]!) / largest).toBeLessThan(tolerance)
        expect(await program.read('one.weight')).toEqual(values.get('one.weight'))
        expect(await program.read('two.bias')).toEqual(values.get('two.bias'))
      } finally {
        await program.dispose()
      }
    })
  })

  describe(`${engine.name}, programs in ${precision}`, () => {
    /** w := w + x at every run; returns the new w. */
    const counter = () => {
      const builder = new GraphBuilder('counter')
      const w = builder.declare('w', 'state', [4])
      const next = builder.one('add', 'next', [w, builder.declare('x', 'input', [4])], {})
      return builder.build([next], new Map([[w, next]]))
    }
    /** Something that takes a while: a convolution of 0.9 billion multiply-adds. */
    const heavy = () => {
      const builder = new GraphBuilder('heavy')
      const inputs = [
        builder.declare('x', 'input', [batch, 64, 56, 56]),
        builder.declare('w', 'parameter', [64, 64, 3, 3]),
      ]
      return builder.build([builder.one('conv2d', 'y', inputs, { ...conv(1, [1, 1, 1, 1]), ...none })])
    }
    const x = Float32Array.of(1, 2, 3, 4)
    const programs: { dispose(): Promise<void> }[] = []
    afterAll(() => Promise.all(programs.map(program => program.dispose())))

    it('keep what persists between runs, starting from zeros', async () => {
      const program = await engine.compile(counter(), { precision })
      programs.push(program)
      await program.run({ x })
      expect([...(await program.run({ x })).next!]).toEqual([2, 4, 6, 8])
      await program.write('w', Float32Array.of(10, 10, 10, 10))
      await program.run({ x })
      expect([...(await program.read('w'))]).toEqual([11, 12, 13, 14])
    })

    it('run one after another when they are asked at once', async () => {
      const program = await engine.compile(counter(), { precision })
      programs.push(program)
      const results = await Promise.all([1, 2, 3].map(() => program.run({ x })))
      expect(results.map(({ next }) => next![0])).toEqual([1, 2, 3])
    })

    it('take shared memory, and leave the caller’s arrays alone', async () => {
      const program = await engine.compile(counter(), { precision })
      programs.push(program)
      const shared = new Float32Array(new SharedArrayBuffer(16)).fill(2)
      expect([...(await program.run({ x: shared })).next!]).toEqual([2, 2, 2, 2])
      expect([...shared]).toEqual([2, 2, 2, 2])
    })

    it('refuse inputs that are missing, of another length, or unknown', async () => {
      const program = await engine.compile(counter(), { precision })
      programs.push(program)
      await expect(program.run({})).rejects.toThrow("the input 'x' is missing")
      await expect(program.run({ x: new Float32Array(3) })).rejects.toThrow("'x' takes 4 numbers ([4]), got 3")
      await expect(program.write('w', new Float32Array(5))).rejects.toThrow("'w' takes 4 numbers ([4]), got 5")
      await expect(program.read('v')).rejects.toThrow("the graph has no value 'v'")
    })

    it('leave the event loop free', async () => {
      const program = await engine.compile(heavy(), { precision })
      programs.push(program)
      const input = new Float32Array(batch * 64 * 56 * 56).fill(1)
      await program.run({ x: input })
      let ticks = 0
      const timer = setInterval(() => ticks++, 1)
      const began = performance.now()
      for (let i = 0; i < 5; i++) await program.run({ x: input })
      const elapsed = performance.now() - began
      clearInterval(timer)
      // A blocked loop would tick five times at most, once between two runs.
      expect(ticks).toBeGreaterThan(Math.min(elapsed / 20, 30))
    })

    it('give the same bits at every run and in every program', async () => {
      const input = new Float32Array(batch * 64 * 56 * 56).map((_, i) => Math.sin(i))
      const weight = new Float32Array(64 * 64 * 9).map((_, i) => Math.cos(i))
      const results: Float32Array[] = []
      for (let i = 0; i < 2; i++) {
        const program = await engine.compile(heavy(), { precision })
        programs.push(program)
        await program.write('w', weight)
        for (let j = 0; j < 2; j++) results.push((await program.run({ x: input })).y!)
      }
      for (const result of results.slice(1))
        expect(Buffer.compare(Buffer.from(result.buffer), Buffer.from(results[0]!.buffer))).toBe(0)
    })

    it('compute the gradients of a network at the last of many runs as at the first', async () => {
      const { graph } = gradientStep(networkGraph(networkNamed('resnet18-narrow'), { classes: 5, batch: 4, size: 48 }))
      const program = await engine.compile(graph, { precision })
      programs.push(program)
      for (const { name, shape } of valuesOf(graph, 'parameter', 'statistic')) {
        const random = randomStream(4, name)
        await program.write(
          name,
          new Float32Array(elements(shape)).map(() => 0.5 + 0.3 * random.normal()),
        )
      }
      const images = new Float32Array(4 * 3 * 48 * 48).map((_, i) => Math.sin(i * 0.37))
      const targets = new Float32Array(20)
      for (let row = 0; row < 4; row++) targets[row * 5 + row] = 1
      const first = await program.run({ images, targets })
      for (let i = 2; i < runs; i++) await program.run({ images, targets })
      const last = await program.run({ images, targets })
      for (const [name, values] of Object.entries(first)) expect(last[name], name).toEqual(values)
    })

    it('stop at a signal, and can be disposed of more than once', async () => {
      const program = await engine.compile(counter(), { precision })
      await expect(program.run({ x }, AbortSignal.abort())).rejects.toThrow()
      await program.dispose()
      await program.dispose()
      await expect(program.run({ x })).rejects.toThrow('has been disposed of')
    })

    it('say their memory before anything runs', async () => {
      const program = await engine.compile(heavy(), { precision })
      programs.push(program)
      expect(program.memory.parameters).toBeGreaterThanOrEqual(4 * 64 * 64 * 9)
      expect(program.memory.activations).toBeGreaterThanOrEqual(4 * batch * 64 * 56 * 56)
    })
  })
}
