/** The fold pass: at inference a batch norm after a convolution is a scale and a shift, which go into the weights. */
import { GraphBuilder } from '../builder.js'
import { elements, type Graph, lookUp, type Node, producers, useCounts, valuesOf } from '../graph.js'
import { fuse } from './fuse.js'
import { forInference } from './mode.js'

/** A graph without batch norms, and how its parameters follow from those of the graph it came from. */
export interface Folded {
  readonly graph: Graph
  /** Computes the folded graph's parameters. @param read gives a persistent value of the original graph */
  parameters(read: (name: string) => Float32Array): Map<string, Float32Array>
}

/** A forward graph as it is served: set up for inference, with activations, residuals and batch norms in its convolutions. */
export const inferenceGraph = (forward: Graph): Folded => foldBatchNorm(fuse(forInference(forward)))

/** Runs the fuse pass's result: every batchNorm whose input is a convolution nobody else reads becomes part of it. */
export function foldBatchNorm(graph: Graph): Folded {
  const producer = producers(graph)
  const uses = useCounts(graph)
  const folds: { convolution: Node<'conv2d'>; norm: Node<'batchNorm'> }[] = []
  const absorbed = new Set<Node>()
  const replaced = new Map<Node, Node>()
  const builder = new GraphBuilder(graph.name, { ...graph, nodes: [] })
  for (const norm of graph.nodes) {
    if (norm.operator !== 'batchNorm' || norm.attributes.training) continue
    const x = norm.inputs[0] as string
    const convolution = graph.nodes[producer.get(x) ?? -1]
    if (convolution?.operator !== 'conv2d' || uses.get(x) !== 1 || convolution.inputs.length > 2) continue
    const [image, weight] = convolution.inputs as [string, string]
    const bias = builder.declare(`${weight}.folded.bias`, 'parameter', lookUp(graph, norm.inputs[1] as string).shape)
    const folded = builder.declare(`${weight}.folded`, 'parameter', lookUp(graph, weight).shape)
    folds.push({ convolution, norm })
    absorbed.add(convolution)
    replaced.set(norm, {
      operator: 'conv2d',
      attributes: { ...convolution.attributes, activation: norm.attributes.activation },
      inputs: [image, folded, bias, ...(norm.inputs[5] ? [norm.inputs[5]] : [])],
      outputs: [norm.outputs[0] as string],
    })
  }
  for (const node of graph.nodes) if (!absorbed.has(node)) builder.nodes.push(replaced.get(node) ?? node)
  const gone = new Set(
    folds.flatMap(({ convolution, norm }) => [
      convolution.inputs[1],
      ...norm.inputs.slice(1, 5),
      convolution.outputs[0],
    ]),
  )
  const built = builder.build(graph.outputs, graph.updates)
  const values = new Map([...built.values].filter(([name]) => !gone.has(name)))
  const folded: Graph = { ...built, values }
  return {
    graph: folded,
    parameters: read => {
      const result = new Map<string, Float32Array>()
      for (const { name } of valuesOf(folded, 'parameter', 'statistic'))
        if (graph.values.has(name)) result.set(name, read(name))
      for (const { convolution, norm } of folds) {
        const name = convolution.inputs[1] as string
        const [scale, shift, mean, variance] = norm.inputs.slice(1, 5).map(read) as [
          Float32Array,
          Float32Array,
          Float32Array,
          Float32Array,
        ]
        const factor = Float64Array.from(scale, (value, c) => value / Math.sqrt(variance[c]! + norm.attributes.eps))
        const perFilter = elements(lookUp(graph, name).shape.slice(1))
        result.set(
          `${name}.folded`,
          read(name).map((value, i) => value * factor[Math.floor(i / perFilter)]!),
        )
        result.set(
          `${name}.folded.bias`,
          shift.map((value, c) => value - mean[c]! * factor[c]!),
        )
      }
      return result
    },
  }
}
