/** Reverse-mode differentiation: appends to a graph the nodes that compute the gradient of a loss. */
import { GraphBuilder } from './builder.js'
import { type Graph, type Node, trainableParameters } from './graph.js'
import type { Operator } from './operator.js'
import type { OperatorName } from './operators/attributes.js'
import { operator } from './operators/index.js'

/** A graph that also computes gradients, and which value holds the gradient of each trainable parameter. */
export interface Differentiated {
  readonly graph: Graph
  readonly gradients: ReadonlyMap<string, string>
}

/** The values that depend on one of the variables; gradients of all others are nobody's business. */
function activeValues(graph: Graph, variables: readonly string[]): Set<string> {
  const active = new Set(variables)
  for (const node of graph.nodes)
    if (node.inputs.some(input => active.has(input))) for (const output of node.outputs) active.add(output)
  return active
}

/**
 * Differentiates the scalar `loss` with respect to every trainable parameter.
 * @throws Error where an operator on the way has no gradient, or the loss depends on no trainable parameter
 */
export const differentiate = (graph: Graph, loss: string): Differentiated => {
  const parameters = trainableParameters(graph).map(({ name }) => name)
  if (!activeValues(graph, parameters).has(loss)) throw new Error(`'${loss}' depends on no trainable parameter`)
  return differentiateAlong(graph, loss, '', parameters)
}

/**
 * The gradient of the sum of `direction * output` with respect to the variables: with a direction of 1 at one class and 0
 * elsewhere it is that of one class's score. Goes back from the output; where a value is read more than once its gradients
 * are added. Only what leads to a variable is visited, so a frozen trunk has no backward pass.
 * @param direction a value of the output's shape; '' stands for 1, where the output is a scalar
 */
export function differentiateAlong(
  graph: Graph,
  output: string,
  direction: string,
  variables: readonly string[],
): Differentiated {
  const active = activeValues(graph, variables)
  const builder = new GraphBuilder(graph.name, graph)
  const gradientOf = new Map<string, string>([[output, direction]])
  const accumulate = (value: string, gradient: string) => {
    const sum = gradientOf.get(value)
    gradientOf.set(value, sum === undefined ? gradient : builder.one('add', `${value}.gradient`, [sum, gradient], {}))
  }
  for (const node of [...graph.nodes].reverse()) {
    const outputGradient = gradientOf.get(node.outputs[0] as string)
    if (outputGradient === undefined || !active.has(node.outputs[0] as string)) continue
    inputGradients(builder, node, outputGradient, active).forEach((gradient, i) => {
      if (gradient) accumulate(node.inputs[i] as string, gradient)
    })
  }
  const gradients = new Map<string, string>()
  for (const name of variables) {
    const gradient = gradientOf.get(name)
    if (gradient) gradients.set(name, gradient)
  }
  return { graph: builder.build(graph.outputs, graph.updates), gradients }
}

function inputGradients<Name extends OperatorName>(
  builder: GraphBuilder,
  node: Node<Name>,
  outputGradient: string,
  active: ReadonlySet<string>,
): (string | undefined)[] {
  const { gradient } = operator(node.operator) as Operator<Name>
  if (!gradient) throw new Error(`${node.operator} has no gradient`)
  const { attributes, inputs, outputs } = node
  return gradient({
    builder,
    attributes: attributes as never,
    inputs,
    outputs,
    outputGradient,
    wants: input => active.has(inputs[input] ?? ''),
  })
}
