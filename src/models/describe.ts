/** Describes a network: its structure as PyTorch prints it, and a table of layers with shapes, parameters and FLOPs. */
import { elements, type Graph, lookUp, type Node, nodeCost, type Shape } from '../graph/index.js'
import { structure } from './module.js'
import { type Network, networkGraph } from './network.js'

/** The structure in PyTorch's notation, character for character what `print(model)` shows for torchvision's networks. */
export const describe = (network: Network, classes: number): string => structure(network.module(classes))

/** One operator of the forward pass of one image. */
export interface LayerSummary {
  readonly name: string
  readonly operator: string
  readonly output: Shape
  readonly parameters: number
  /** Floating-point operations for one image; a multiply-add counts as two. */
  readonly flops: number
}

/** The layers in the order in which they run, for one image of `size` pixels a side. */
export function summarise(network: Network, classes: number, size = network.preprocessing.size): LayerSummary[] {
  const graph = networkGraph(network, { classes, batch: 1, size })
  return graph.nodes.map(node => ({
    name: node.outputs[0] as string,
    operator: node.operator,
    output: lookUp(graph, node.outputs[0] as string).shape.slice(1),
    parameters: ownParameters(graph, node),
    flops: nodeCost(graph, node).flops,
  }))
}

function ownParameters(graph: Graph, node: Node): number {
  const parameters = node.inputs.filter(name => name && lookUp(graph, name).role === 'parameter')
  return parameters.reduce((sum, name) => sum + elements(lookUp(graph, name).shape), 0)
}
