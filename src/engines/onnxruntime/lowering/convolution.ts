/** Convolutions as ordinary ONNX operators, or as the runtime's kernels on blocks of channels. */
import { type Graph, lookUp, type Node } from '../../../graph/index.js'
import { blockedFilter, type FilterSizes } from './filters.js'
import { isBlocked, kept, keptAs, padded, paddedVector, plain } from './layout.js'
import { fusedActivation, type OnnxWriter } from './writer.js'

type Sizes = readonly [number, number, number, number]

/**
 * Whether a convolution can work on blocks: depthwise, or with one group, from activations that are kept in blocks or
 * have fewer channels than one (images).
 */
export function worksOnBlocks(writer: OnnxWriter, input: Sizes, output: Sizes, groups: number): boolean {
  const [, channels] = input
  if (!isBlocked(writer, output)) return false
  if (groups > 1) return groups === channels && groups === output[1]
  return isBlocked(writer, input) || channels < writer.block
}

/** Bias and activation, which inference graphs have, go into one node where that is allowed. */
export function conv2d(writer: OnnxWriter, graph: Graph, node: Node<'conv2d'>): void {
  const { stride, padding, groups, activation } = node.attributes
  const [x, weight, bias = '', residual = ''] = node.inputs as [string, string, ...string[]]
  const [y] = node.outputs as [string]
  const [input, output, kernel] = [x, y, weight].map(name => lookUp(graph, name).shape) as [Sizes, Sizes, FilterSizes]
  const attributes = { strides: stride, pads: padding, group: groups }
  if (worksOnBlocks(writer, input, output, groups)) {
    const filter = blockedFilter(writer, weight, kernel, groups === 1 && isBlocked(writer, input))
    const shift = bias && paddedVector(writer, bias, output[1])
    const group = groups === 1 ? 1 : padded(writer, groups)
    writer.add(
      'com.microsoft.nchwc.Conv',
      [kept(writer, graph, x), filter, shift, residual && kept(writer, graph, residual)],
      { ...attributes, group, ...fusedActivation(activation) },
      keptAs(writer, graph, y),
    )
    return
  }
  const inputs = [plain(writer, graph, x), weight, bias]
  if (activation === 'none' && !residual) writer.add('Conv', inputs, attributes, y)
  else if (activation !== 'none' && !residual && writer.fused)
    writer.add('com.microsoft.FusedConv', inputs, { ...attributes, ...fusedActivation(activation) }, y)
  else {
    const sum = writer.add('Conv', inputs, attributes)
    writer.activate(residual ? writer.add('Add', [sum, plain(writer, graph, residual)]) : sum, activation, y)
  }
}
