/** The prune pass: drops nodes and values that no output and no update needs. */
import type { Graph, Node } from '../graph.js'

/**
 * The graph without dead nodes; outputs of live nodes that nobody reads become the empty string, except the first.
 * Declared values that nothing reads are dropped too.
 */
export function prune(graph: Graph): Graph {
  const needed = new Set([...graph.outputs, ...graph.updates.keys(), ...graph.updates.values()])
  const kept: Node[] = []
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some(output => needed.has(output))) continue
    const outputs = node.outputs.map((output, i) => (i === 0 || needed.has(output) ? output : ''))
    kept.unshift({ ...node, outputs } as Node)
    for (const input of node.inputs) if (input) needed.add(input)
    needed.add(outputs[0] as string)
  }
  const values = new Map([...graph.values].filter(([name]) => needed.has(name)))
  return { ...graph, values, nodes: kept }
}
