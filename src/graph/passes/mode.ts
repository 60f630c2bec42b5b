/** The passes that set a forward graph up for training or for inference. */
import { GraphBuilder } from '../builder.js'
import { elements, type Graph, lookUp, type Node } from '../graph.js'

/**
 * Batch norms whose weight is trainable normalise with the batch's own statistics, and their running ones are updated;
 * the others keep using the stored ones, which stay as they are.
 * @param storedStatistics keep even trainable norms on stored statistics ("frozen batch norm")
 */
export function forTraining(graph: Graph, storedStatistics = false): Graph {
  if (storedStatistics) return graph
  const builder = new GraphBuilder(graph.name, { ...graph, nodes: [] })
  const norms: Node<'batchNorm'>[] = []
  for (const node of graph.nodes) {
    if (node.operator === 'batchNorm' && lookUp(graph, node.inputs[1] as string).trainable) {
      const [y] = node.outputs as [string]
      const outputs = [y, `${y}.mean`, `${y}.variance`]
      const shape = lookUp(graph, node.inputs[1] as string).shape
      for (const name of outputs.slice(1)) builder.values.set(name, { name, shape, role: 'intermediate' })
      const norm = { ...node, attributes: { ...node.attributes, training: true }, outputs }
      builder.nodes.push(norm)
      norms.push(norm)
    } else builder.nodes.push(node)
  }
  const updates = new Map(graph.updates)
  for (const norm of norms) {
    const [x, , , runningMean, runningVariance] = norm.inputs as [string, string, string, string, string]
    const [y, mean, variance] = norm.outputs as [string, string, string]
    const count = elements(builder.shape(x)) / (builder.shape(x)[1] as number)
    const { momentum } = norm.attributes
    const [nextMean, nextVariance] = builder.node(
      'runningStatistics',
      `${y}.running`,
      [runningMean, runningVariance, mean, variance],
      { momentum, count },
      ['mean', 'variance'],
    ) as [string, string]
    updates.set(runningMean, nextMean).set(runningVariance, nextVariance)
  }
  return builder.build(graph.outputs, updates)
}

/** Dropout does nothing at inference: its nodes go, and their readers read what it read. */
export function forInference(graph: Graph): Graph {
  const renamed = new Map<string, string>()
  const current = (name: string) => renamed.get(name) ?? name
  const nodes: Node[] = []
  for (const node of graph.nodes)
    if (node.operator === 'dropout') renamed.set(node.outputs[0] as string, current(node.inputs[0] as string))
    else nodes.push({ ...node, inputs: node.inputs.map(current) } as Node)
  const masks = new Set(graph.nodes.flatMap(node => (node.operator === 'dropout' ? [node.inputs[1] as string] : [])))
  const values = new Map([...graph.values].filter(([name]) => !renamed.has(name) && !masks.has(name)))
  return { ...graph, values, nodes, outputs: graph.outputs.map(current) }
}
