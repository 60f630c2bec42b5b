/** Turns nodes into the native engine's kernels: most are one kernel; norms come in pieces between which other work fits. */
import type { Graph, Node, OperatorName, Shape } from '../../graph/index.js'
import type { Precision } from '../engine.js'
import { padded } from './native.js'

/** Row-major; in blocks of channels; or as the convolution that uses it wants its weights. */
export type Layout = 'plain' | 'blocked' | 'weights'

/** A value before it has a place. */
export interface DraftValue {
  readonly name: string
  readonly dims: readonly number[]
  readonly layout: Layout
  /** How its numbers are stored. */
  readonly precision: Precision
  readonly persistent: boolean
  /** Whether the first axis counts images, so that a strip can work on some of them. */
  readonly batched: boolean
  /** Whether it passes between operations of one strip only: then each thread has its own, for the images of a part. */
  readonly local: boolean
  /** The value that this one is computed a second time as. */
  readonly recomputes?: string | undefined
}

/** A kernel with the names of what it reads and writes; '' where absent. */
export interface Draft {
  readonly kernel: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly numbers: Readonly<Record<string, readonly number[]>>
}

/** Kernels by oneDNN or own ones, and the values they work on, in an order in which they can run. */
export interface Lowered {
  readonly values: Map<string, DraftValue>
  readonly operations: readonly Draft[]
}

const activations = { none: 0, relu: 1, relu6: 2 } as const
/** Float32 places for each of some channels, in whole blocks: two sums in double; four of a scale; two of means. */
const floatsPerChannel = { sums: 4, scale: 4, means: 2 } as const

/** The weights that a convolution or its gradient reads or writes. */
export const weightsOf = ({ operator, inputs, outputs }: Node): string | undefined =>
  operator === 'conv2d' || operator === 'conv2dInputGradient'
    ? inputs[1]
    : operator === 'conv2dWeightGradient'
      ? outputs[0]
      : undefined

/** How many of an update's inputs are tensors, which lie alike; scalars follow. */
const tensorsOf: { readonly [Name in OperatorName]?: number } = { sgd: 3, adamW: 4, blend: 2 }

/** Weights, their gradients and their optimiser state lie alike: they are found through the updates that join them. */
function weightValues(graph: Graph): Set<string> {
  const found = new Set(graph.nodes.flatMap(node => weightsOf(node) ?? []))
  for (const node of graph.nodes) {
    const alike = [...node.inputs.slice(0, tensorsOf[node.operator] ?? 0), ...node.outputs]
    if (node.operator in tensorsOf && alike.some(name => found.has(name))) for (const name of alike) found.add(name)
  }
  // What comes from outside at every run is row-major.
  return new Set([...found].filter(name => name && graph.values.get(name)?.role !== 'input'))
}

/** Attributes as lists of numbers. */
function numbersOf(node: Node): Record<string, readonly number[]> {
  return Object.fromEntries(
    Object.entries(node.attributes).map(([name, value]: [string, unknown]) => {
      if (name === 'activation') return [name, [activations[value as keyof typeof activations]]]
      return [name, Array.isArray(value) ? value : [Number(value)]]
    }),
  )
}

/** Whether a node reads pictures row by row as they come, for which oneDNN has kernels of several taps: the first convolution. */
const readsPictures = (node: Node, position: number, dims: Shape, weights: Shape): boolean =>
  position === 0 &&
  (node.operator === 'conv2d' || node.operator === 'conv2dWeightGradient') &&
  (dims[1] === 1 || dims[1] === 3) &&
  weights[2] !== 1 &&
  node.attributes.groups === 1

/** Operators that work on any row-major array, whatever its shape means. */
const shapeless = new Set(['sgd', 'adamW', 'blend', 'clipScale'])

/**
 * Kernels, with copies into blocks where images come from outside.
 * @param precision how images and what is computed from them are stored; weights, their gradients and their optimiser
 * state are float32, and convolutions make copies of the weights in their own precision
 */
export function lower(graph: Graph, precision: Precision = 'float32'): Lowered {
  const likeWeights = weightValues(graph)
  const values = new Map<string, DraftValue>()
  const operations: Draft[] = []
  const declare = (
    name: string,
    dims: Shape,
    layout: Layout,
    batched: boolean,
    persistent = false,
    stored: Precision = layout === 'blocked' ? precision : 'float32',
  ): string => {
    values.set(name, { name, dims, layout, precision: stored, batched, persistent, local: false })
    return name
  }
  // A barrier is nothing here: operations run in the order in which they stand.
  const passed = new Map(
    graph.nodes.flatMap(({ operator, inputs, outputs }) =>
      operator === 'barrier' ? [[outputs[0] as string, inputs[0] as string]] : [],
    ),
  )
  for (const { name, shape, role, recomputes } of graph.values.values()) {
    if (passed.has(name)) continue
    const images = shape.length === 4 && !likeWeights.has(name)
    const within = role === 'intermediate' || role === 'input'
    const layout = likeWeights.has(name) ? 'weights' : images && role === 'intermediate' ? 'blocked' : 'plain'
    declare(name, shape, layout, images && within, !within)
    if (recomputes) values.set(name, { ...(values.get(name) as DraftValue), recomputes })
  }
  const emit = (kernel: string, inputs: string[], outputs: string[], numbers: Draft['numbers'] = {}) =>
    operations.push({ kernel, inputs, outputs, numbers })

  const inputOf = (node: Node, name: string, position: number): string => {
    const value = values.get(name)
    const wantsBlocks = value?.dims.length === 4 && value.layout === 'plain' && weightsOf(node) !== name
    if (!value || !wantsBlocks || shapeless.has(node.operator)) return name
    const weights = values.get(weightsOf(node) ?? '')?.dims
    const asTheyCome = weights !== undefined && readsPictures(node, position, value.dims, weights)
    if (asTheyCome && precision === 'float32') return name
    const [kernel, layout] = asTheyCome ? (['toBfloat16', 'plain'] as const) : (['toBlocked', 'blocked'] as const)
    const copy = `${name}.${kernel}`
    if (!values.has(copy)) emit(kernel, [name], [declare(copy, value.dims, layout, true, false, precision)])
    return copy
  }

  const scales = new Map<string, string>()
  /** The scale of a norm; its gradient finds the one that its forward pass made. */
  const scaleOf = (weight: string, bias: string, mean: string, variance: string, eps: number, base: string): string => {
    const key = (b: string) => [weight, b, mean, variance, eps].join(' ')
    const known = scales.get(key(bias))
    if (known) return known
    const channels = values.get(weight)!.dims[0] as number
    const scale = declare(`${base}.scale`, [padded(channels) * floatsPerChannel.scale], 'plain', false)
    emit('normScale', [weight, bias, mean, variance], [scale], { eps: [eps] })
    scales.set(key(bias), scale).set(key(''), scale)
    return scale
  }
  const sumsOf = (name: string, dims: Shape) =>
    declare(name, [dims[0] as number, padded(dims[1] as number) * floatsPerChannel.sums], 'plain', true)
  const countsOf = (dims: Shape) => ({
    channels: [dims[1] as number],
    count: [(dims[0] as number) * (dims[2] as number) * (dims[3] as number)],
  })

  const batchNorm = (node: Node<'batchNorm'>, inputs: readonly string[]) => {
    const [x, weight, bias, runningMean, runningVariance, residual = ''] = inputs as [
      string,
      string,
      string,
      string,
      string,
      string?,
    ]
    const [y, mean = '', variance = ''] = node.outputs as [string, string?, string?]
    const { training, eps, activation } = node.attributes
    const dims = values.get(x)!.dims
    const channels = dims[1] as number
    let statistics: [string, string] = [runningMean, runningVariance]
    if (training) {
      const sums = sumsOf(`${y}.sums`, dims)
      statistics = [
        mean || declare(`${y}.batchMean`, [channels], 'plain', false),
        variance || declare(`${y}.batchVariance`, [channels], 'plain', false),
      ]
      emit('normSums', [x], [sums])
      emit('normStatistics', [sums], statistics, countsOf(dims))
    }
    const scale = scaleOf(weight, bias, ...statistics, eps, y)
    emit('normApply', [x, scale, residual], [y], { activation: [activations[activation]] })
  }

  const batchNormGradient = (node: Node<'batchNormGradient'>, inputs: readonly string[]) => {
    const [dy, x, weight, mean, variance, y = '', bias = ''] = inputs as [
      string,
      string,
      string,
      string,
      string,
      string?,
      string?,
    ]
    const [dx = '', dweight = '', dbias = '', dresidual = ''] = node.outputs
    const { training, eps, activation } = node.attributes
    const dims = values.get(x)!.dims
    const base = dx || dweight || dbias || dresidual
    const scale = scaleOf(weight, bias, mean, variance, eps, base)
    // What the activation passed follows from x where no residual was added: one array less to read.
    const seen = bias ? '' : y
    const code = { activation: [activations[activation]] }
    const sums = sumsOf(`${base}.sums`, dims)
    const means = declare(`${base}.means`, [padded(dims[1] as number) * floatsPerChannel.means], 'plain', false)
    emit('normGradientSums', [dy, x, scale, seen], [sums, dresidual], code)
    emit('normGradientMeans', [sums, scale], [means, dweight, dbias], {
      ...countsOf(dims),
      training: [Number(training)],
    })
    if (dx && dresidual) emit('normGradientApply', [dresidual, x, scale, means, ''], [dx], { activation: [0] })
    else if (dx) emit('normGradientApply', [dy, x, scale, means, seen], [dx], code)
  }

  for (const node of graph.nodes) {
    if (node.operator === 'barrier') continue
    const inputs = node.inputs.map((name, position) => inputOf(node, passed.get(name) ?? name, position))
    if (node.operator === 'batchNorm') batchNorm(node, inputs)
    else if (node.operator === 'batchNormGradient') batchNormGradient(node, inputs)
    else {
      // Updates give what they are given: rows for rows.
      if (shapeless.has(node.operator) && values.get(inputs[0] as string)?.layout === 'plain')
        for (const name of node.outputs) {
          const output = values.get(name)
          if (output?.layout === 'blocked') values.set(name, { ...output, layout: 'plain', precision: 'float32' })
        }
      emit(node.operator, inputs, [...node.outputs], numbersOf(node))
    }
  }
  return { values, operations }
}

/** Where an optimiser's results take the place of what they replace: result → persistent value. */
export function updatesInPlace(graph: Graph): Map<string, string> {
  const result = new Map<string, string>()
  for (const node of graph.nodes)
    if (node.operator in tensorsOf || node.operator === 'runningStatistics')
      for (const [persistent, next] of graph.updates)
        if (node.inputs.includes(persistent) && node.outputs.includes(next)) result.set(next, persistent)
  return result
}
