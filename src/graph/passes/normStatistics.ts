/** The pass for computing batch norms' statistics anew: a run leaves those of its batch where the running ones were. */
import type { Graph, Node } from '../graph.js'
import { fuse } from './fuse.js'
import { forInference, forTraining } from './mode.js'
import { prune } from './prune.js'

/**
 * A forward graph in which norms whose weight is trainable normalise with their batch's own statistics, and put these,
 * the variance unbiased, in the place of the running ones (momentum 1). Its updates name what it computes: none where
 * no norm is trained.
 */
export function normStatistics(forward: Graph): Graph {
  const graph = forInference(forward)
  const nodes = graph.nodes.map(
    (node): Node =>
      node.operator === 'batchNorm' ? { ...node, attributes: { ...node.attributes, momentum: 1 } } : node,
  )
  return prune(fuse(forTraining({ ...graph, nodes })))
}
