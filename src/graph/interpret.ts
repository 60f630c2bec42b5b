/** Runs a graph by the operators' references, in double precision: slow, exact, and what engines are compared with. */
import { type Graph, lookUp, type Node, valuesOf } from './graph.js'
import type { Operator, Tensor } from './operator.js'
import type { OperatorName } from './operators/attributes.js'
import { operator } from './operators/index.js'

function apply<Name extends OperatorName>(node: Node<Name>, inputs: (Tensor | undefined)[]): Tensor[] {
  return (operator(node.operator) as Operator<Name>).reference(inputs, node.attributes as never)
}

/**
 * One run. `values` holds every input and persistent value by name; persistent ones are replaced by their updates.
 * @returns the graph's outputs by name
 */
export function interpret(graph: Graph, values: Map<string, Float64Array>): Map<string, Float64Array> {
  const tensors = new Map<string, Tensor>()
  for (const { name, shape } of valuesOf(graph, 'input', 'parameter', 'statistic', 'state')) {
    const data = values.get(name)
    if (!data) throw new Error(`no values were given for '${name}'`)
    tensors.set(name, { shape, data })
  }
  for (const node of graph.nodes) {
    const inputs = node.inputs.map(name => (name === '' ? undefined : tensors.get(name)))
    apply(node, inputs).forEach((tensor, i) => {
      const name = node.outputs[i]
      if (name) tensors.set(name, { shape: lookUp(graph, name).shape, data: tensor.data })
    })
  }
  const data = (name: string) => (tensors.get(name) as Tensor).data
  for (const [name, next] of graph.updates) values.set(name, data(next))
  return new Map(graph.outputs.map(name => [name, data(name)]))
}
