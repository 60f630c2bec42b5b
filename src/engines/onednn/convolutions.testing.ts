/** Small graphs around one convolution, and how far the native engine's results are from the reference's. */
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
import { nativeAddon } from './native.js'
import type { Plan } from './planned.js'

type Sides = readonly [batch: number, channels: number, filters: number, height: number, width: number]
type Padding = readonly [number, number, number, number]

type Stride = readonly [number, number]

/** A convolution of `taps` by `taps` with everything that may follow it. */
function inference(
  [batch, channels, filters, height, width]: Sides,
  taps: number,
  padding: Padding,
  activation: Activation,
  stride: Stride,
): Graph {
  const builder = new GraphBuilder('inference')
  const x = builder.declare('x', 'input', [batch, channels, height, width])
  const weight = builder.declare('weight', 'parameter', [filters, channels, taps, taps])
  const bias = builder.declare('bias', 'parameter', [filters])
  const [top, left, bottom, right] = padding
  const sides = [
    Math.floor((height + top + bottom - taps) / stride[0]) + 1,
    Math.floor((width + left + right - taps) / stride[1]) + 1,
  ]
  // Nobody reads it afterwards, and the convolution's result is not the graph's: it may take its place.
  const added = builder.declare('added', 'input', [batch, filters, ...sides])
  const residual = builder.one('relu', 'residual', [added], {})
  const attributes = { stride, padding, groups: 1, activation }
  const y = builder.one('conv2d', 'y', [x, weight, bias, residual], attributes)
  return builder.build([builder.one('add', 'twice', [y, y], {})])
}

/** The gradients of a convolution behind another one. */
function training(
  [batch, channels, filters, height, width]: Sides,
  taps: number,
  padding: Padding,
  stride: Stride,
): Graph {
  const builder = new GraphBuilder('training')
  const parameter = (name: string, ...shape: number[]) => builder.declare(name, 'parameter', shape)
  const attributes = { stride: [1, 1], groups: 1, activation: 'none' } as const
  const images = builder.declare('images', 'input', [batch, 3, height, width])
  const one = builder.one('conv2d', 'one', [images, parameter('one.weight', channels, 3, 3, 3)], {
    ...attributes,
    padding: [1, 1, 1, 1],
  })
  const two = builder.one('conv2d', 'two', [one, parameter('two.weight', filters, channels, taps, taps)], {
    ...attributes,
    padding,
    stride,
  })
  const features = builder.one('globalAveragePool', 'features', [two], {})
  const head = [parameter('fc.weight', 5, filters), parameter('fc.bias', 5)]
  return gradientStep(builder.build([builder.one('linear', 'logits', [features, ...head], {})])).graph
}

/** Graphs around a convolution of `taps` by `taps`, and the kernels that are the convolution or its gradients. */
export const around = (
  sides: Sides,
  taps: number,
  padding: Padding,
  stride: Stride = [1, 1],
): { graph: Graph; kernels: string[] }[] => [
  ...(['none', 'relu', 'relu6'] as const).map(activation => ({
    graph: inference(sides, taps, padding, activation, stride),
    kernels: ['conv2d'],
  })),
  {
    graph: training(sides, taps, padding, stride),
    kernels: ['conv2d', 'conv2dInputGradient', 'conv2dWeightGradient'],
  },
]

/** Numbers for a graph, and what the reference makes of them. */
interface Computed {
  readonly values: ReadonlyMap<string, Float32Array>
  readonly expected: ReadonlyMap<string, Float64Array>
}

/** Random numbers: variances are 1, and weights such that what they give has the variance of what they are given. */
export function computed(graph: Graph): Computed {
  const values = new Map(
    valuesOf(graph, 'input', 'parameter', 'statistic').map(({ name, shape }) => {
      const random = randomStream(11, name)
      const scale = shape.length === 4 && name.endsWith('weight') ? Math.sqrt(1 / elements(shape.slice(1))) : 1
      const data = new Float32Array(elements(shape)).map(() => scale * random.normal())
      return [name, name.endsWith('running_var') ? data.fill(1) : data] as const
    }),
  )
  return { values, expected: interpret(graph, new Map([...values].map(([k, data]) => [k, Float64Array.from(data)]))) }
}

/** The largest difference of each output from the reference, of the largest value; of a loss, in logits, which are about 1. */
export async function errorsOf(
  graph: Graph,
  plan: Plan,
  { values, expected }: Computed,
): Promise<{ name: string; error: number }[]> {
  const addon = nativeAddon()
  if (typeof addon === 'string') throw new Error(addon)
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
