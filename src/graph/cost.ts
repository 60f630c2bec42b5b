/** What running a graph costs: floating-point operations and bytes moved. */
import { elements, type Graph, lookUp, type Node } from './graph.js'
import type { Cost, Operator } from './operator.js'
import type { OperatorName } from './operators/attributes.js'
import { operator } from './operators/index.js'

/** The cost of one node: a multiply-add counts as two FLOPs, and every input and output is moved once as float32. */
export function nodeCost<Name extends OperatorName>(graph: Graph, node: Node<Name>): Cost {
  const inputs = node.inputs.map(name => (name ? lookUp(graph, name).shape : undefined))
  const outputs = node.outputs.map(name => (name ? lookUp(graph, name).shape : []))
  const moved = [
    ...inputs.map(shape => (shape ? elements(shape) : 0)),
    ...node.outputs.map(name => (name ? elements(lookUp(graph, name).shape) : 0)),
  ]
  return {
    flops: (operator(node.operator) as Operator<Name>).flops(inputs, outputs, node.attributes as never),
    bytes: 4 * moved.reduce((a, b) => a + b, 0),
  }
}
