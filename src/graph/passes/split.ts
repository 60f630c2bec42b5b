/** The split pass: cuts a graph in two at one value, for instance where what never changes ends and what is trained begins. */
import { type Graph, lookUp, type Node } from '../graph.js'
import { prune } from './prune.js'

/** A graph in two: the first computes the value that the second takes as an input of the same name. */
export interface Split {
  /** The value at the cut. */
  readonly cut: string
  readonly frozen: Graph
  readonly trained: Graph
}

/**
 * Cuts a forward graph at the last value that depends on nothing but `input` and frozen parameters, if it is the only
 * such value that the rest reads: then it is the same at every epoch and has to be computed once an image.
 */
export function splitFrozen(graph: Graph, input: string): Split | undefined {
  const constant = new Set([input])
  const before: Node[] = []
  const after: Node[] = []
  const fixed = (name: string) => {
    const { role, trainable } = lookUp(graph, name)
    return constant.has(name) || role === 'statistic' || (role === 'parameter' && !trainable)
  }
  for (const node of graph.nodes)
    if (node.inputs.every(name => name === '' || fixed(name))) {
      before.push(node)
      for (const output of node.outputs) constant.add(output)
    } else after.push(node)
  const read = new Set(after.flatMap(node => node.inputs).filter(name => constant.has(name)))
  const [cut] = read
  if (read.size !== 1 || cut === undefined || cut === input) return undefined
  const values = new Map(graph.values).set(cut, { ...lookUp(graph, cut), role: 'input' })
  return {
    cut,
    frozen: prune({ ...graph, name: `${graph.name}.frozen`, nodes: before, outputs: [cut] }),
    trained: prune({ ...graph, name: `${graph.name}.trained`, values, nodes: after }),
  }
}

/** Cuts a forward graph at a value through which everything goes: what computes it, and what is computed from it. */
export function splitAt(graph: Graph, cut: string): { readonly before: Graph; readonly after: Graph } {
  const values = new Map(graph.values).set(cut, { ...lookUp(graph, cut), role: 'input' })
  const rest = graph.nodes.filter(node => !node.outputs.includes(cut))
  return {
    before: prune({ ...graph, name: `${graph.name}.before`, outputs: [cut] }),
    after: prune({ ...graph, name: `${graph.name}.after`, values, nodes: rest }),
  }
}
