/** Exports a graph as a standalone ONNX model: standard operators, weights inside. */
import type { Preprocessing } from '../../base/preprocessing.js'
import { elements, type Graph, lookUp, type Node, type Value, valuesOf } from '../../graph/index.js'
import { lowerInto } from './lowering/index.js'
import { OnnxWriter } from './lowering/writer.js'
import { encodeModel, type OnnxModel, type OnnxTensor, type OnnxValue } from './onnxProto.js'
import { addTransform } from './transform.js'

/** What of a classifier is part of the model, beside the network. */
export interface OnnxParts {
  /** The evaluation transform: the input is then one image, `image` uint8 [height, width, 3], of any size. */
  readonly preprocessing?: Preprocessing | undefined
  /** Softmax of logits / temperature: the output is then `probabilities`. */
  readonly temperature?: number | undefined
}

/**
 * @param graph an inference graph: input `images` [batch, 3, size, size], one output [batch, classes]
 * @param parameters every parameter and statistic by name
 * @param metadata text that travels with the model: classes, preprocessing
 * @returns the bytes of an .onnx file (opset 17); its output is named `logits`, or `probabilities`
 */
export function toOnnx(
  graph: Graph,
  parameters: ReadonlyMap<string, Float32Array>,
  metadata: Readonly<Record<string, string>> = {},
  parts: OnnxParts = {},
): Uint8Array {
  const weights = valuesOf(graph, 'parameter', 'statistic').map(({ name }) => {
    const values = parameters.get(name)
    if (!values) throw new Error(`no values were given for '${name}'`)
    return weightTensor(graph, name, values)
  })
  const named = withOutput(graph, 'logits')
  return encodeModel({ ...exportedModel(named, parts, writer => lowerInto(writer, named), weights), metadata })
}

/** The network with what goes before and behind it, and its input and output by their names. */
export function exportedModel(
  graph: Graph,
  { preprocessing, temperature }: OnnxParts,
  network: (writer: OnnxWriter) => void,
  weights: readonly OnnxTensor[],
): OnnxModel {
  const writer = new OnnxWriter(false, 1)
  const [{ name, shape }] = valuesOf(graph, 'input') as [Value]
  if (preprocessing) addTransform(writer, preprocessing, 'image', name)
  network(writer)
  const [logits] = graph.outputs as [string]
  if (temperature !== undefined)
    writer.add('Softmax', [writer.add('Div', [logits, writer.scalar(temperature)])], { axis: 1 }, 'probabilities')
  const input: OnnxValue = preprocessing
    ? { name: 'image', type: 'uint8', shape: ['height', 'width', 3] }
    : { name, shape: ['batch', ...shape.slice(1)] }
  const rows = preprocessing ? 1 : 'batch'
  const classes = lookUp(graph, logits).shape[1] as number
  return {
    name: graph.name,
    nodes: writer.nodes,
    initializers: [...writer.constants.values(), ...weights],
    inputs: [input],
    outputs: [{ name: temperature === undefined ? logits : 'probabilities', shape: [rows, classes] }],
  }
}

/** The graph with its output under another name, the same for every network. */
export function withOutput(graph: Graph, name: string): Graph {
  const [old] = graph.outputs as [string]
  const renamed = (value: string) => (value === old ? name : value)
  const values = new Map([...graph.values].map(([key, value]) => [renamed(key), { ...value, name: renamed(key) }]))
  const nodes = graph.nodes.map(
    node => ({ ...node, inputs: node.inputs.map(renamed), outputs: node.outputs.map(renamed) }) as Node,
  )
  return { ...graph, values, nodes, outputs: [name] }
}

/** A persistent value as a constant of a model. @throws Error where the length does not fit its shape */
export function weightTensor(graph: Graph, name: string, values: Float32Array): OnnxTensor {
  const { shape } = lookUp(graph, name)
  if (values.length !== elements(shape))
    throw new Error(`'${name}' takes ${elements(shape)} numbers, got ${values.length}`)
  return { name, type: 'float32', shape, bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) }
}
