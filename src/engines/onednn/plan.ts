/** Turns a graph into a plan for the native engine: values with their places in one arena, and operations in order. */
import {
  elements,
  type Graph,
  type Node,
  type OperatorName,
  placeBuffers,
  type Shape,
  type Value,
  valuesOf,
} from '../../graph/index.js'

/** Row-major; in blocks of sixteen channels; or as the convolution that uses it wants its weights. */
export type Layout = 'plain' | 'blocked' | 'weights'

export interface PlannedValue {
  readonly name: string
  readonly dims: readonly number[]
  readonly layout: Layout
  readonly persistent: boolean
  readonly bytes: number
  /** Into the arena; persistent values have memory of their own. */
  readonly offset: number
}

/** A kernel with what it reads and writes: indices of values, -1 where absent. It may stand for several nodes. */
export interface PlannedOperation {
  readonly kernel: string
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
  readonly numbers: Readonly<Record<string, readonly number[]>>
}

export interface Plan {
  readonly values: readonly PlannedValue[]
  readonly operations: readonly PlannedOperation[]
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
  readonly arenaBytes: number
  readonly threads: number
}

const padded = (channels: number) => Math.ceil(channels / 16) * 16
const activations = { none: 0, relu: 1, relu6: 2 } as const

/** Position of the weights among the inputs or outputs of convolutions. */
const weightOf = (node: Node): string | undefined =>
  node.operator === 'conv2d' || node.operator === 'conv2dInputGradient'
    ? node.inputs[1]
    : node.operator === 'conv2dWeightGradient'
      ? node.outputs[0]
      : undefined

/** How many of an update's inputs are tensors, which lie alike; scalars follow. */
const tensorsOf: { readonly [Name in OperatorName]?: number } = { sgd: 3, adamW: 4, blend: 2 }

/** Weights, their gradients and their optimiser state lie alike: they are found through the updates that join them. */
function weightValues(graph: Graph): Set<string> {
  const found = new Set(graph.nodes.flatMap(node => weightOf(node) ?? []))
  for (const node of graph.nodes) {
    const alike = [...node.inputs.slice(0, tensorsOf[node.operator] ?? 0), ...node.outputs]
    if (node.operator in tensorsOf && alike.some(name => found.has(name))) for (const name of alike) found.add(name)
  }
  // What comes from outside at every run is row-major.
  return new Set([...found].filter(name => name && graph.values.get(name)?.role !== 'input'))
}

function bytesOf(shape: Shape, layout: Layout): number {
  if (shape.length !== 4 || layout === 'plain') return 4 * Math.max(elements(shape), 1)
  const [first, second, height, width] = shape as readonly [number, number, number, number]
  // Depthwise weights have one input channel, which is not padded; a first convolution's three are not either.
  const channels = layout === 'weights' ? [padded(first), second === 1 ? 1 : padded(second)] : [first, padded(second)]
  return 4 * (channels[0] as number) * (channels[1] as number) * height * width
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

/** Operators that read images row by row as they come, if they have few channels: the first convolution. */
const readsPlainImages = (node: Node, position: number, value: Value): boolean =>
  position === 0 &&
  (node.operator === 'conv2d' || node.operator === 'conv2dWeightGradient') &&
  (value.shape[1] as number) <= 4 &&
  node.attributes.groups === 1

/** Operators that work on any row-major array, whatever its shape means. */
const shapeless = new Set([
  'add',
  'dropout',
  'relu',
  'relu6',
  'reluGradient',
  'relu6Gradient',
  'sgd',
  'adamW',
  'blend',
  'clipScale',
])

/** Draws up the plan: in-place updates, copies into blocks where images come from outside, and the arena. */
export function planOf(graph: Graph, threads: number): Plan {
  const weights = weightValues(graph)
  const values: PlannedValue[] = []
  const index = new Map<string, number>()
  const declare = (name: string, dims: Shape, layout: Layout, persistent: boolean): number => {
    values.push({ name, dims, layout, persistent, bytes: bytesOf(dims, layout), offset: 0 })
    index.set(name, values.length - 1)
    return values.length - 1
  }
  const layoutOf = ({ name, shape, role }: Value): Layout =>
    weights.has(name) ? 'weights' : role === 'intermediate' && shape.length === 4 ? 'blocked' : 'plain'
  // An optimiser's results take the place of what they replace, where that is its own input.
  const inPlace = new Map<string, string>()
  for (const node of graph.nodes)
    if (node.operator in tensorsOf || node.operator === 'runningStatistics')
      for (const [persistent, next] of graph.updates)
        if (node.inputs.includes(persistent) && node.outputs.includes(next)) inPlace.set(next, persistent)
  for (const value of graph.values.values())
    if (!inPlace.has(value.name))
      declare(value.name, value.shape, layoutOf(value), value.role !== 'input' && value.role !== 'intermediate')
  for (const [next, persistent] of inPlace) index.set(next, index.get(persistent) as number)

  const operations: PlannedOperation[] = []
  const blockedCopies = new Map<string, number>()
  const inputOf = (node: Node, name: string, position: number): number => {
    if (name === '') return -1
    const at = index.get(name) as number
    const value = graph.values.get(name) as Value
    const wantsBlocks = value.shape.length === 4 && values[at]!.layout === 'plain' && weightOf(node) !== name
    if (!wantsBlocks || shapeless.has(node.operator) || readsPlainImages(node, position, value)) return at
    const known = blockedCopies.get(name)
    if (known !== undefined) return known
    const copy = declare(`${name}.blocked`, value.shape, 'blocked', false)
    blockedCopies.set(name, copy)
    operations.push({ kernel: 'toBlocked', inputs: [at], outputs: [copy], numbers: {} })
    return copy
  }
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name, position) => inputOf(node, name, position))
    // Elementwise operators give what they are given: blocks for blocks, rows for rows.
    const rows = shapeless.has(node.operator) && inputs[0] !== undefined && values[inputs[0]]!.layout === 'plain'
    const outputs = node.outputs.map(name => (name === '' ? -1 : (index.get(name) as number)))
    if (rows)
      for (const output of outputs)
        if (output >= 0 && values[output]!.layout === 'blocked')
          values[output] = { ...values[output]!, layout: 'plain', bytes: bytesOf(values[output]!.dims, 'plain') }
    operations.push({ kernel: node.operator, inputs, outputs, numbers: numbersOf(node) })
  }
  for (const [persistent, next] of graph.updates)
    if (!inPlace.has(next))
      operations.push({
        kernel: 'copy',
        inputs: [index.get(next) as number],
        outputs: [index.get(persistent) as number],
        numbers: {},
      })

  return {
    ...placed(values, operations, graph, index),
    operations,
    inputs: valuesOf(graph, 'input').map(({ name }) => index.get(name) as number),
    outputs: graph.outputs.map(name => index.get(name) as number),
    threads,
  }
}

/** Places what lives within one run; inputs live from its start, outputs to its end. */
function placed(
  values: readonly PlannedValue[],
  operations: readonly PlannedOperation[],
  graph: Graph,
  index: ReadonlyMap<string, number>,
): Pick<Plan, 'values' | 'arenaBytes'> {
  const outputs = new Set(graph.outputs.map(name => index.get(name) as number))
  const inputs = new Set(valuesOf(graph, 'input').map(({ name }) => index.get(name) as number))
  const spans = new Map<number, { first: number; last: number }>()
  const touch = (value: number, at: number) => {
    const span = spans.get(value)
    spans.set(value, { first: Math.min(span?.first ?? at, at), last: Math.max(span?.last ?? at, at) })
  }
  for (const input of inputs) touch(input, 0)
  operations.forEach((operation, at) => {
    for (const value of [...operation.inputs, ...operation.outputs]) if (value >= 0) touch(value, at)
  })
  for (const output of outputs) touch(output, operations.length)
  const buffers = [...spans].flatMap(([value, span]) =>
    values[value]!.persistent ? [] : [{ name: String(value), bytes: values[value]!.bytes, ...span }],
  )
  const arena = placeBuffers(buffers)
  return {
    values: values.map((value, i) => ({ ...value, offset: arena.offsets.get(String(i)) ?? 0 })),
    arenaBytes: arena.bytes,
  }
}
