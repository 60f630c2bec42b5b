/** Pooling and its gradients as ordinary ONNX operators. */
import { elements, type Graph, lookUp, type Node } from '../../../graph/index.js'
import type { OnnxWriter } from './writer.js'

type Sizes = readonly [number, number, number, number]

export function maxPool(writer: OnnxWriter, _: Graph, node: Node<'maxPool'>): void {
  const { kernel, stride, padding } = node.attributes
  writer.add('MaxPool', node.inputs, { kernel_shape: kernel, strides: stride, pads: padding }, node.outputs[0])
}

/** Each window's gradient goes to its first maximum, whose place in the whole tensor MaxPool tells when asked. */
export function maxPoolGradient(writer: OnnxWriter, graph: Graph, node: Node<'maxPoolGradient'>): void {
  const { kernel, stride, padding } = node.attributes
  const [dy, x] = node.inputs as [string, string, string]
  const { shape } = lookUp(graph, x)
  const [, places] = writer.addPair('MaxPool', [x], { kernel_shape: kernel, strides: stride, pads: padding })
  const zeros = writer.add('ConstantOfShape', [writer.integers([elements(shape)])])
  const summed = writer.add('ScatterElements', [zeros, writer.reshape(places, [-1]), writer.reshape(dy, [-1])], {
    axis: 0,
    reduction: 'add',
  })
  writer.reshape(summed, shape, node.outputs[0])
}

export function globalAveragePool(writer: OnnxWriter, graph: Graph, node: Node<'globalAveragePool'>): void {
  const [batch, channels] = lookUp(graph, node.outputs[0] as string).shape as readonly [number, number]
  // -1 leaves the batch free for models that are exported.
  const shape = writer.fused ? [batch, channels] : [-1, channels]
  writer.reshape(writer.add('GlobalAveragePool', node.inputs), shape, node.outputs[0])
}

export function globalAveragePoolGradient(
  writer: OnnxWriter,
  graph: Graph,
  node: Node<'globalAveragePoolGradient'>,
): void {
  const shape = lookUp(graph, node.outputs[0] as string).shape as Sizes
  const share = writer.add('Mul', [node.inputs[0] as string, writer.scalar(1 / (shape[2] * shape[3]))])
  const plane = writer.reshape(share, [shape[0], shape[1], 1, 1])
  writer.add('Expand', [plane, writer.integers(shape)], {}, node.outputs[0])
}
