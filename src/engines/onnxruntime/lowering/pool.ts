/** Pooling and its gradients as ordinary ONNX operators. */
import { elements, type Graph, lookUp, type Node } from '../../../graph/index.js'
import { planeMeans } from './channels.js'
import { isBlocked, kept, keptAs, padded, plain } from './layout.js'
import type { OnnxWriter } from './writer.js'

type Sizes = readonly [number, number, number, number]

export function maxPool(writer: OnnxWriter, graph: Graph, node: Node<'maxPool'>): void {
  const { kernel, stride, padding } = node.attributes
  const [x, y] = [node.inputs[0] as string, node.outputs[0] as string]
  const attributes = { kernel_shape: kernel, strides: stride, pads: padding }
  if (isBlocked(writer, lookUp(graph, x).shape))
    writer.add('com.microsoft.nchwc.MaxPool', [kept(writer, graph, x)], attributes, keptAs(writer, graph, y))
  else writer.add('MaxPool', [x], attributes, y)
}

/** Each window's gradient goes to its first maximum, whose place in the whole tensor MaxPool tells when asked. */
export function maxPoolGradient(writer: OnnxWriter, graph: Graph, node: Node<'maxPoolGradient'>): void {
  const { kernel, stride, padding } = node.attributes
  const [dy, x] = node.inputs.map(name => plain(writer, graph, name)) as [string, string, string]
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
  const [x, y] = [node.inputs[0] as string, node.outputs[0] as string]
  const { shape } = lookUp(graph, x)
  // -1 leaves the batch free for models that are exported.
  planeMeans(writer, kept(writer, graph, x), writer.fused ? shape : [-1, ...shape.slice(1)], y)
}

export function globalAveragePoolGradient(
  writer: OnnxWriter,
  graph: Graph,
  node: Node<'globalAveragePoolGradient'>,
): void {
  const [dy, dx] = [node.inputs[0] as string, node.outputs[0] as string]
  const [batch, channels, height, width] = lookUp(graph, dx).shape as Sizes
  const share = writer.add('Mul', [dy, writer.scalar(1 / (height * width))])
  if (!isBlocked(writer, [batch, channels, height, width])) {
    const plane = writer.reshape(share, [batch, channels, 1, 1])
    writer.add('Expand', [plane, writer.integers([batch, channels, height, width])], {}, dx)
    return
  }
  const all = padded(writer, channels)
  const { block } = writer
  const plane = writer.reshape(writer.padEnd(share, [0, all - channels]), [batch, all / block, 1, block])
  const planes = writer.add('Expand', [plane, writer.integers([batch, all / block, height * width, block])])
  writer.reshape(planes, [batch, all, height, width], keptAs(writer, graph, dx))
}
