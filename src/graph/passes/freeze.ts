/** The freeze pass: parameters that are not to be trained; differentiation then skips what leads only to them. */
import type { Graph } from '../graph.js'

/** The graph with the parameters for which `frozen` is true no longer trainable. */
export function freeze(graph: Graph, frozen: (parameter: string) => boolean): Graph {
  const values = new Map(
    [...graph.values].map(([name, value]) => [
      name,
      value.role === 'parameter' ? { ...value, trainable: !!value.trainable && !frozen(name) } : value,
    ]),
  )
  return { ...graph, values }
}
