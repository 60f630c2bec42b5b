/** Exports a graph as a standalone ONNX model: standard operators, weights inside, any batch size. */
import { elements, type Graph, lookUp, valuesOf } from '../../graph/index.js'
import { lower } from './lowering/index.js'
import { encodeModel, type OnnxTensor } from './onnxProto.js'

/**
 * @param graph an inference graph
 * @param parameters every parameter and statistic by name
 * @param metadata text that travels with the model: classes, preprocessing
 * @returns the bytes of an .onnx file (opset 17); the first axis of inputs and outputs is free
 */
export function toOnnx(
  graph: Graph,
  parameters: ReadonlyMap<string, Float32Array>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const writer = lower(graph, false)
  const weights = valuesOf(graph, 'parameter', 'statistic').map(({ name }) => {
    const values = parameters.get(name)
    if (!values) throw new Error(`no values were given for '${name}'`)
    return weightTensor(graph, name, values)
  })
  const free = (name: string) => ({ name, shape: ['batch', ...lookUp(graph, name).shape.slice(1)] })
  return encodeModel({
    name: graph.name,
    nodes: writer.nodes,
    initializers: [...writer.constants.values(), ...weights],
    inputs: valuesOf(graph, 'input').map(({ name }) => free(name)),
    outputs: graph.outputs.map(free),
    metadata,
  })
}

/** A persistent value as a constant of a model. @throws Error where the length does not fit its shape */
export function weightTensor(graph: Graph, name: string, values: Float32Array): OnnxTensor {
  const { shape } = lookUp(graph, name)
  if (values.length !== elements(shape))
    throw new Error(`'${name}' takes ${elements(shape)} numbers, got ${values.length}`)
  return { name, type: 'float32', shape, bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) }
}
