/** The graph: values and nodes as plain data, which passes transform and engines execute. */
import type { AttributesOf, OperatorName } from './operators/attributes.js'

/** Sizes per axis; images are [batch, channels, height, width], scalars are []. */
export type Shape = readonly number[]

/**
 * What a value is to the engine. `input` is fed at every run; `parameter`, `statistic` and `state` persist between
 * runs (weights, batch-norm running values, momentum); `intermediate` lives within one run.
 */
export type Role = 'input' | 'parameter' | 'statistic' | 'state' | 'intermediate'

/** A float32 tensor that the graph reads or computes. */
export interface Value {
  readonly name: string
  readonly shape: Shape
  readonly role: Role
  /** Parameters only: whether training changes it. */
  readonly trainable?: boolean
  /** Intermediates only: the value that this one is computed a second time as, to the same bits. */
  readonly recomputes?: string
}

/** One application of an operator. Optional inputs that are absent are the empty string; so are outputs nobody needs. */
export type Node<Name extends OperatorName = OperatorName> = {
  [K in Name]: {
    readonly operator: K
    readonly attributes: AttributesOf<K>
    readonly inputs: readonly string[]
    readonly outputs: readonly string[]
  }
}[Name]

/** A computation. Nodes stand in an order in which they can run. */
export interface Graph {
  readonly name: string
  readonly values: ReadonlyMap<string, Value>
  readonly nodes: readonly Node[]
  /** The values that a run returns. */
  readonly outputs: readonly string[]
  /** Persistent value → the intermediate that takes its place after the run. */
  readonly updates: ReadonlyMap<string, string>
}

/** The value of that name. @throws Error where the graph has none, which is a mistake in the program. */
export function lookUp(graph: Pick<Graph, 'values'>, name: string): Value {
  const value = graph.values.get(name)
  if (!value) throw new Error(`the graph has no value '${name}'`)
  return value
}

/** Number of elements of a shape. */
export const elements = (shape: Shape): number => shape.reduce((product, size) => product * size, 1)

/** The values with the given role, in the order in which they were declared. */
export const valuesOf = (graph: Graph, ...roles: readonly Role[]): Value[] =>
  [...graph.values.values()].filter(value => roles.includes(value.role))

/** The parameters that training changes, in the order in which they were declared. */
export const trainableParameters = (graph: Graph): Value[] =>
  valuesOf(graph, 'parameter').filter(value => value.trainable)

/** Which node computes each value: value name → index into `graph.nodes`. */
export function producers(graph: Graph): Map<string, number> {
  const result = new Map<string, number>()
  graph.nodes.forEach((node, index) => {
    for (const output of node.outputs) if (output) result.set(output, index)
  })
  return result
}

/** How often each value is read, counting outputs and updates of the graph as readers. */
export function useCounts(graph: Graph): Map<string, number> {
  const counts = new Map<string, number>()
  const count = (name: string) => name && counts.set(name, (counts.get(name) ?? 0) + 1)
  for (const node of graph.nodes) node.inputs.forEach(count)
  graph.outputs.forEach(count)
  for (const next of graph.updates.values()) count(next)
  return counts
}
