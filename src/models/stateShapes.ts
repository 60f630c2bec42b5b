/** What a state dict of a network holds. */
import { type Graph, type Shape, valuesOf } from '../graph/index.js'

/** Names and shapes of everything a state dict of this graph holds, in order. */
export function stateShapes(graph: Graph): Map<string, Shape> {
  return new Map(valuesOf(graph, 'parameter', 'statistic').map(({ name, shape }) => [name, shape]))
}
