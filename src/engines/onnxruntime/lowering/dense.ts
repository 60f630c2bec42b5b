/** Fully connected layers, elementwise operators and the loss as ordinary ONNX operators. */
import { type Graph, lookUp, type Node } from '../../../graph/index.js'
import { kept, keptAs } from './layout.js'
import type { OnnxWriter } from './writer.js'

export const linear = (writer: OnnxWriter, _: Graph, node: Node<'linear'>): void => {
  writer.add('Gemm', node.inputs, { transB: 1 }, node.outputs[0])
}

export const linearInputGradient = (writer: OnnxWriter, _: Graph, node: Node<'linearInputGradient'>): void => {
  writer.add('MatMul', node.inputs, {}, node.outputs[0])
}

export const linearWeightGradient = (writer: OnnxWriter, _: Graph, node: Node<'linearWeightGradient'>): void => {
  const [x, dy] = node.inputs as [string, string]
  writer.add('Gemm', [dy, x], { transA: 1 }, node.outputs[0])
}

export const linearBiasGradient = (writer: OnnxWriter, _: Graph, node: Node<'linearBiasGradient'>): void => {
  writer.sum(node.inputs[0] as string, [0], node.outputs[0])
}

export const relu = (writer: OnnxWriter, graph: Graph, node: Node<'relu' | 'relu6'>): void => {
  const [x] = node.inputs as [string]
  writer.activate(kept(writer, graph, x), node.operator, keptAs(writer, graph, node.outputs[0] as string))
}

export const reluGradient = (writer: OnnxWriter, graph: Graph, node: Node<'reluGradient' | 'relu6Gradient'>): void => {
  const [dy, y] = node.inputs.map(name => kept(writer, graph, name)) as [string, string]
  const mask = writer.mask(y, node.operator === 'reluGradient' ? 'relu' : 'relu6')
  writer.add('Mul', [dy, mask], {}, keptAs(writer, graph, node.outputs[0] as string))
}

const elementwise =
  (type: 'Add' | 'Mul') =>
  (writer: OnnxWriter, graph: Graph, node: Node<'add' | 'dropout'>): void => {
    const inputs = node.inputs.map(name => kept(writer, graph, name))
    writer.add(type, inputs, {}, keptAs(writer, graph, node.outputs[0] as string))
  }

export const add = elementwise('Add')
export const dropout = elementwise('Mul')

export const softmaxCrossEntropy = (writer: OnnxWriter, graph: Graph, node: Node<'softmaxCrossEntropy'>): void => {
  const [logits, targets] = node.inputs as [string, string]
  const rows = lookUp(graph, logits).shape[0] as number
  const logs = writer.add('LogSoftmax', [logits], { axis: 1 })
  const total = writer.add('ReduceSum', [writer.add('Mul', [logs, targets])], { keepdims: 0 })
  writer.add('Mul', [total, writer.scalar(-1 / rows)], {}, node.outputs[0])
}

export const softmaxCrossEntropyGradient = (
  writer: OnnxWriter,
  graph: Graph,
  node: Node<'softmaxCrossEntropyGradient'>,
): void => {
  const [logits, targets] = node.inputs as [string, string]
  const rows = lookUp(graph, logits).shape[0] as number
  const weight = writer.add('ReduceSum', [targets, writer.integers([1])], { keepdims: 1 })
  const expected = writer.add('Mul', [writer.add('Softmax', [logits], { axis: 1 }), weight])
  writer.add('Mul', [writer.add('Sub', [expected, targets]), writer.scalar(1 / rows)], {}, node.outputs[0])
}
