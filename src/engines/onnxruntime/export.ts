/** Exports a graph as a standalone ONNX model: standard operators, weights inside. */
import type { Preprocessing } from '../../base/preprocessing.js'
import { elements, type Graph, lookUp, type Node, valuesOf } from '../../graph/index.js'
import { lower } from './lowering/index.js'
import { OnnxWriter } from './lowering/writer.js'
import type { OnnxModel, OnnxTensor, OnnxValue } from './onnxProto.js'
import { addTransform } from './transform.js'

/** What of a classifier is part of the model, beside the network. */
export interface OnnxParts {
  /** The evaluation transform: the input is then one image, `image` uint8 [height, width, 3], of any size. */
  readonly preprocessing?: Preprocessing | undefined
  /** Softmax of logits / temperature: the output is then `probabilities`. */
  readonly temperature?: number | undefined
}

/**
 * A network as an ONNX model: input `images` [batch, 3, size, size], output `logits` [batch, classes], whatever the graph
 * calls it.
 * @param graph an inference graph
 * @param parameters every parameter and statistic by name
 */
export function networkModel(graph: Graph, parameters: ReadonlyMap<string, Float32Array>): OnnxModel {
  const weights = valuesOf(graph, 'parameter', 'statistic').map(({ name }) => {
    const values = parameters.get(name)
    if (!values) throw new Error(`no values were given for '${name}'`)
    return weightTensor(graph, name, values)
  })
  const named = withOutput(graph, logits)
  const writer = lower(named, false)
  const free = (name: string) => ({ name, shape: ['batch', ...lookUp(named, name).shape.slice(1)] })
  return {
    name: graph.name,
    nodes: writer.nodes,
    initializers: [...writer.constants.values(), ...weights],
    inputs: valuesOf(named, 'input').map(({ name }) => free(name)),
    outputs: [free(logits)],
  }
}

const logits = 'logits'

/** The model with what goes before and behind the network, and its input and output by their names. */
export function withParts(model: OnnxModel, { preprocessing, temperature }: OnnxParts): OnnxModel {
  const [before, after] = ['transform', 'softmax'].map(prefix => new OnnxWriter(false, 1, prefix)) as [
    OnnxWriter,
    OnnxWriter,
  ]
  const [input] = model.inputs as [OnnxValue]
  if (preprocessing) addTransform(before, preprocessing, 'image', input.name)
  if (temperature !== undefined) {
    const scaled = after.add('Div', [logits, after.scalar(temperature)])
    after.add('Softmax', [scaled], { axis: 1 }, 'probabilities')
  }
  const classes = model.outputs[0]!.shape[1]!
  return {
    ...model,
    nodes: [...before.nodes, ...model.nodes, ...after.nodes],
    initializers: [...before.constants.values(), ...model.initializers, ...after.constants.values()],
    inputs: [preprocessing ? { name: 'image', type: 'uint8', shape: ['height', 'width', 3] } : input],
    outputs: [
      {
        name: temperature === undefined ? logits : 'probabilities',
        shape: [preprocessing ? 1 : 'batch', classes],
      },
    ],
  }
}

/** The graph with its output under another name, the same for every network. */
function withOutput(graph: Graph, name: string): Graph {
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
