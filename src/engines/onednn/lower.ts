/** Turns nodes into the native engine's kernels: most are one kernel, norms several. */
import type { Graph, Node, OperatorName, Shape } from '../../graph/index.js'
import type { Precision } from '../engine.js'
import { weightsOf } from './convolved.js'
import { Drafting, numbersOf } from './draft.js'
import { NormLowering } from './lowerNorms.js'

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
export function lower(graph: Graph, precision: Precision = 'float32'): Drafting {
  const draft = new Drafting(precision)
  const { values } = draft
  const likeWeights = weightValues(graph)
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
    draft.declare(name, shape, { layout, batched: images && within, persistent: !within, recomputes })
  }

  const inputOf = (node: Node, name: string, position: number): string => {
    const value = values.get(name)
    const weights = weightsOf(node)
    const wantsBlocks = value?.dims.length === 4 && value.layout === 'plain' && weights !== name
    if (!value || !wantsBlocks || shapeless.has(node.operator)) return name
    const asTheyCome = weights !== undefined && readsPictures(node, position, value.dims, draft.dims(weights))
    if (asTheyCome && precision === 'float32') return name
    const [kernel, layout] = asTheyCome ? (['toBfloat16', 'plain'] as const) : (['toBlocked', 'blocked'] as const)
    const copy = `${name}.${kernel}`
    if (!values.has(copy))
      draft.emit(kernel, [name], [draft.declare(copy, value.dims, { layout, batched: true, precision })])
    return copy
  }

  const norms = new NormLowering(draft)
  for (const node of graph.nodes) {
    if (node.operator === 'barrier') continue
    const inputs = node.inputs.map((name, position) => inputOf(node, passed.get(name) ?? name, position))
    if (node.operator === 'batchNorm') norms.forward(node, inputs)
    else if (node.operator === 'batchNormGradient') norms.gradient(node, inputs)
    else {
      // Updates give what they are given: rows for rows.
      if (shapeless.has(node.operator) && values.get(inputs[0] as string)?.layout === 'plain')
        for (const name of node.outputs) {
          const output = values.get(name)
          if (output?.layout === 'blocked') values.set(name, { ...output, layout: 'plain', precision: 'float32' })
        }
      draft.emit(node.operator, inputs, node.outputs, numbersOf(node))
    }
  }
  return draft
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
