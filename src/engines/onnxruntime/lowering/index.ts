/** Turns a graph into ONNX nodes, operator by operator. */
import type { Graph, Node, OperatorName } from '../../../graph/index.js'
import { conv2d } from './convolution.js'
import * as dense from './dense.js'
import { conv2dInputGradient } from './inputGradient.js'
import { barrier, plain } from './layout.js'
import { batchNorm, batchNormGradient, runningStatistics } from './norm.js'
import { globalAveragePool, globalAveragePoolGradient, maxPool, maxPoolGradient } from './pool.js'
import { adamW, blend, clipScale, sgd } from './update.js'
import { conv2dWeightGradient } from './weightGradient.js'
import { OnnxWriter } from './writer.js'

type Lowering<Name extends OperatorName> = (writer: OnnxWriter, graph: Graph, node: Node<Name>) => void

const lowerings: { readonly [Name in OperatorName]: Lowering<Name> } = {
  conv2d,
  conv2dInputGradient,
  conv2dWeightGradient,
  batchNorm,
  batchNormGradient,
  runningStatistics,
  maxPool,
  maxPoolGradient,
  globalAveragePool,
  globalAveragePoolGradient,
  linear: dense.linear,
  linearInputGradient: dense.linearInputGradient,
  linearWeightGradient: dense.linearWeightGradient,
  linearBiasGradient: dense.linearBiasGradient,
  relu: dense.relu,
  reluGradient: dense.reluGradient,
  relu6: dense.relu,
  relu6Gradient: dense.reluGradient,
  add: dense.add,
  dropout: dense.dropout,
  softmaxCrossEntropy: dense.softmaxCrossEntropy,
  softmaxCrossEntropyGradient: dense.softmaxCrossEntropyGradient,
  barrier,
  blend,
  clipScale,
  sgd,
  adamW,
}

/**
 * @param fused whether ONNX Runtime's own fused operators may be used, or only standard ones
 * @param block channels of a block of the runtime's blocked kernels; 1: without those
 */
export function lower(graph: Graph, fused: boolean, block = 1): OnnxWriter {
  const writer = new OnnxWriter(fused, block)
  for (const node of graph.nodes) (lowerings[node.operator] as Lowering<OperatorName>)(writer, graph, node)
  for (const name of [...graph.outputs, ...graph.updates.values()]) plain(writer, graph, name)
  return writer
}
