/** Weight gradients of convolutions. */
import { type Graph, lookUp, type Node } from '../../../graph/index.js'
import { isBlocked, kept, padded, plain, withoutPadding } from './layout.js'
import type { OnnxWriter } from './writer.js'

type Sizes = readonly [number, number, number, number]

/** Matrix products where channels mix; depthwise, products summed over planes. */
export function conv2dWeightGradient(writer: OnnxWriter, graph: Graph, node: Node<'conv2dWeightGradient'>): void {
  const { groups } = node.attributes
  const [x, dy] = node.inputs as [string, string]
  const [dweight] = node.outputs as [string]
  const [batch, channels, height, width] = lookUp(graph, x).shape as Sizes
  const [, filters, outHeight, outWidth] = lookUp(graph, dy).shape as Sizes
  if (groups === channels && filters === channels) {
    depthwise(writer, graph, node)
    return
  }
  const [whole, gradient] = [plain(writer, graph, x), plain(writer, graph, dy)]
  const extent = { batch, channels, filters, height, width, outHeight, outWidth }
  const product = (groups === 1 ? dense : grouped)(writer, whole, gradient, extent, node.attributes)
  writer.add('Identity', [product], {}, dweight)
}

/** Every plane of x convolved with its plane of dy, whose steps are as wide as the stride; then the sum over images. */
function depthwise(writer: OnnxWriter, graph: Graph, node: Node<'conv2dWeightGradient'>): void {
  const { stride, padding, kernel } = node.attributes
  const [x, dy] = node.inputs as [string, string]
  const [dweight] = node.outputs as [string]
  const [batch, channels, ...size] = lookUp(graph, x).shape as Sizes
  const [, , ...outputs] = lookUp(graph, dy).shape as Sizes
  const blocked = isBlocked(writer, lookUp(graph, x).shape)
  const all = blocked ? padded(writer, channels) : channels
  const group = batch * all
  // How far the last window reaches beyond x; where it does not come to the end of x, there are more sums than taps.
  const beyond = ([0, 1] as const).map(
    axis => (outputs[axis] - 1) * stride[axis] + kernel[axis] - padding[axis] - size[axis],
  ) as [number, number]
  const inputs = [
    writer.reshape(kept(writer, graph, x), [1, group, ...size]),
    writer.reshape(kept(writer, graph, dy), [group, 1, ...outputs]),
  ]
  const pads = [padding[0], padding[1], Math.max(beyond[0], 0), Math.max(beyond[1], 0)]
  const attributes = { group, dilations: stride, pads }
  const sums = writer.add(blocked ? 'com.microsoft.nchwc.Conv' : 'Conv', inputs, attributes)
  const places = [kernel[0] + Math.max(-beyond[0], 0), kernel[1] + Math.max(-beyond[1], 0)] as const
  const block = blocked ? writer.block : 1
  let taps = writer.sum(writer.reshape(sums, [batch, all / block, ...places, block]), [0])
  if (beyond.some(side => side < 0)) taps = writer.slice(taps, [1, 2], [0, 0], kernel, [1, 1])
  if (blocked)
    taps = withoutPadding(writer, writer.reshape(writer.transpose(taps, [0, 3, 1, 2]), [all, ...kernel]), 0, channels)
  writer.reshape(taps, [channels, 1, ...kernel], dweight)
}

interface Extent {
  readonly batch: number
  readonly channels: number
  readonly filters: number
  readonly height: number
  readonly width: number
  readonly outHeight: number
  readonly outWidth: number
}

/** From this many positions on a product per image is faster than one over all images, which needs a transposition. */
const manyPositions = 14 * 14

/** One product of dy with all taps of x. */
function dense(
  writer: OnnxWriter,
  x: string,
  dy: string,
  extent: Extent,
  attributes: Node<'conv2dWeightGradient'>['attributes'],
): string {
  const { batch, channels, filters, outHeight, outWidth } = extent
  const { padding, kernel } = attributes
  const positions = outHeight * outWidth
  const taps = channels * kernel[0] * kernel[1]
  const pointwise = kernel[0] * kernel[1] === 1 && padding.every(side => side === 0)
  const whole = pointwise && positions === extent.height * extent.width
  const columns = writer.reshape(whole ? x : unfolded(writer, x, channels, attributes), [batch, taps, positions])
  const left = writer.reshape(dy, [batch, filters, positions])
  const product =
    positions >= manyPositions
      ? writer.sum(writer.add('com.microsoft.FusedMatMul', [left, columns], { transB: 1 }), [0])
      : writer.add('Gemm', [rows(writer, left, extent, filters), rows(writer, columns, extent, taps)], { transB: 1 })
  return writer.reshape(product, [filters, channels, kernel[0], kernel[1]])
}

/** A product for each group of each image, and the sum over images. */
function grouped(
  writer: OnnxWriter,
  x: string,
  dy: string,
  { batch, channels, filters, outHeight, outWidth }: Extent,
  attributes: Node<'conv2dWeightGradient'>['attributes'],
): string {
  const { groups, kernel } = attributes
  const positions = outHeight * outWidth
  const taps = (channels / groups) * kernel[0] * kernel[1]
  const columns = writer.reshape(unfolded(writer, x, channels, attributes), [batch, groups, taps, positions])
  const left = writer.reshape(dy, [batch, groups, filters / groups, positions])
  const products = writer.add('com.microsoft.FusedMatMul', [left, columns], { transB: 1 })
  return writer.reshape(writer.sum(products, [0]), [filters, channels / groups, kernel[0], kernel[1]])
}

/** [N, count, positions] as [count, N * positions]. */
const rows = (writer: OnnxWriter, x: string, { batch, outHeight, outWidth }: Extent, count: number): string =>
  writer.reshape(writer.transpose(x, [1, 0, 2]), [count, batch * outHeight * outWidth])

/**
 * What each window covers: [N, C * taps, Ho, Wo]. A convolution with kernels that are 1 in one place and 0 elsewhere
 * uses all threads where slices would use one, and is exact.
 */
function unfolded(
  writer: OnnxWriter,
  x: string,
  channels: number,
  { stride, padding, kernel }: Node<'conv2dWeightGradient'>['attributes'],
): string {
  const taps = kernel[0] * kernel[1]
  const ones = Array.from({ length: channels * taps * taps }, (_, i) =>
    Math.floor(i / taps) % taps === i % taps ? 1 : 0,
  )
  const weight = writer.floats(ones, [channels * taps, 1, kernel[0], kernel[1]])
  return writer.add('Conv', [x, weight], { strides: stride, pads: padding, group: channels })
}
