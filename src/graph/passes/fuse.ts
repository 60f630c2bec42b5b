/** The fuse pass: takes an addition and an activation that follow a batch norm into the norm's node. */
import { type Graph, type Node, producers, useCounts } from '../graph.js'

type Norm = Node<'batchNorm'>

/**
 * batchNorm → relu, batchNorm → add → relu and batchNorm → add become one batchNorm each, wherever nothing else reads
 * the values between. Both summands may come from norms (a downsampling block); the later one takes the addition.
 */
export function fuse(graph: Graph): Graph {
  const producer = producers(graph)
  const uses = useCounts(graph)
  const nodes: (Node | undefined)[] = [...graph.nodes]
  /** Where the only reader of `value` could take over: the batch norm that computes it. */
  const normOf = (value: string): [number, Norm] | undefined => {
    const index = producer.get(value)
    const node = index === undefined ? undefined : nodes[index]
    const free = node?.operator === 'batchNorm' && node.attributes.activation === 'none' && uses.get(value) === 1
    return free ? [index as number, node] : undefined
  }
  graph.nodes.forEach((node, index) => {
    let merged: Norm | undefined
    let from = -1
    if (node.operator === 'relu' || node.operator === 'relu6') {
      const found = normOf(node.inputs[0] as string)
      if (!found) return
      from = found[0]
      merged = { ...found[1], attributes: { ...found[1].attributes, activation: node.operator } }
    } else if (node.operator === 'add') {
      const candidates = node.inputs.map(normOf).map(found => (found && !found[1].inputs[5] ? found : undefined))
      const side = (candidates[0]?.[0] ?? -1) > (candidates[1]?.[0] ?? -1) ? 0 : 1
      const found = candidates[side]
      if (!found) return
      from = found[0]
      merged = { ...found[1], inputs: [...found[1].inputs.slice(0, 5), node.inputs[1 - side] as string] }
    } else return
    // The merged node stands where the absorbed one stood, since the residual may be computed after the norm.
    nodes[from] = undefined
    nodes[index] = { ...merged, outputs: [node.outputs[0] as string, ...merged.outputs.slice(1)] }
    for (const output of nodes[index].outputs) producer.set(output, index)
  })
  const kept = nodes.filter(node => node !== undefined)
  const alive = new Set(kept.flatMap(node => node.outputs))
  const values = new Map([...graph.values].filter(([name, { role }]) => role !== 'intermediate' || alive.has(name)))
  return { ...graph, values, nodes: kept }
}
