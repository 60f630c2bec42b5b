/** Convolutions and their gradients as ordinary ONNX operators. */
import { type Graph, lookUp, type Node } from '../../../graph/index.js'
import { fusedActivation, type OnnxWriter } from './writer.js'

type Sizes = readonly [number, number, number, number]
const sizes = (graph: Graph, name: string) => lookUp(graph, name).shape as Sizes

/** Bias and activation, which inference graphs have, go into one FusedConv where that is allowed. */
export function conv2d(writer: OnnxWriter, _: Graph, node: Node<'conv2d'>): void {
  const { stride, padding, groups, activation } = node.attributes
  const [x, weight, bias = '', residual = ''] = node.inputs as [string, string, ...string[]]
  const [y] = node.outputs as [string]
  const attributes = { strides: stride, pads: padding, group: groups }
  if (activation === 'none' && !residual) writer.add('Conv', [x, weight, bias], attributes, y)
  else if (activation !== 'none' && !residual && writer.fused)
    writer.addFused('FusedConv', [x, weight, bias], { ...attributes, ...fusedActivation(activation) }, y)
  else {
    const sum = writer.add('Conv', [x, weight, bias], attributes)
    writer.activate(residual ? writer.add('Add', [sum, residual]) : sum, activation, y)
  }
}

/** Weights [O, I / g, kH, kW] as the input gradient convolves with them: [I, O / g, kH, kW], flipped in both directions. */
function flipped(
  writer: OnnxWriter,
  weight: string,
  [outputs, perGroup, height, width]: Sizes,
  groups: number,
): string {
  const area = height * width
  let w = writer.reshape(weight, [groups, outputs / groups, perGroup, area])
  if (area > 1) {
    const reversed = Array.from({ length: area }, (_, i) => area - 1 - i)
    w = writer.add('Gather', [w, writer.integers(reversed)], { axis: 3 })
  }
  if (outputs / groups > 1 || perGroup > 1) w = writer.transpose(w, [0, 2, 1, 3])
  return writer.reshape(w, [groups * perGroup, outputs / groups, height, width])
}

/** A convolution with flipped, transposed weights where the stride is 1, else a transposed convolution. */
export function conv2dInputGradient(writer: OnnxWriter, graph: Graph, node: Node<'conv2dInputGradient'>): void {
  const { stride, padding, groups, inputSize } = node.attributes
  const [dy, weight] = node.inputs as [string, string]
  const [dx] = node.outputs as [string]
  const kernel = sizes(graph, weight)
  const [, , height, width] = sizes(graph, dy)
  if (stride[0] === 1 && stride[1] === 1) {
    const [top, left] = [kernel[2] - 1 - padding[0], kernel[3] - 1 - padding[1]]
    const pads = [top, left, inputSize[0] - height + kernel[2] - 1 - top, inputSize[1] - width + kernel[3] - 1 - left]
    writer.add(
      'Conv',
      [cropped(writer, dy, [height, width], pads), flipped(writer, weight, kernel, groups)],
      { pads: pads.map(side => Math.max(side, 0)), group: groups },
      dx,
    )
    return
  }
  const rest = (axis: 0 | 1, size: number) =>
    inputSize[axis] - ((size - 1) * stride[axis] + kernel[axis + 2]! - padding[axis]! - padding[axis + 2]!)
  writer.add(
    'ConvTranspose',
    [dy, weight],
    { strides: stride, pads: padding, group: groups, output_padding: [rest(0, height), rest(1, width)] },
    dx,
  )
}

/** Negative padding at the end means that rows or columns that the window never reached are cut off. */
function cropped(
  writer: OnnxWriter,
  x: string,
  [height, width]: readonly [number, number],
  pads: readonly number[],
): string {
  const [top, left, bottom, right] = pads.map(side => Math.min(side, 0)) as [number, number, number, number]
  if (top === 0 && left === 0 && bottom === 0 && right === 0) return x
  return writer.slice(x, [2, 3], [-top, -left], [height + bottom, width + right], [1, 1])
}

/** Matrix products where channels mix; depthwise, products summed over planes. */
export function conv2dWeightGradient(writer: OnnxWriter, graph: Graph, node: Node<'conv2dWeightGradient'>): void {
  const { stride, padding, groups, kernel } = node.attributes
  const [x, dy] = node.inputs as [string, string]
  const [dweight] = node.outputs as [string]
  const [batch, channels, height, width] = sizes(graph, x)
  const [, filters, outHeight, outWidth] = sizes(graph, dy)
  if (groups === channels && filters === channels) {
    // How far the last window reaches beyond x; negative where it does not come to the end of it.
    const beyond = (axis: 0 | 1, size: number, outputs: number) =>
      (outputs - 1) * stride[axis] + kernel[axis] - padding[axis] - size
    const pads = [padding[0], padding[1], beyond(0, height, outHeight), beyond(1, width, outWidth)]
    // Every plane of x convolved with its plane of dy, whose steps are as wide as the stride; then the sum over images.
    const whole = cropped(writer, x, [height, width], pads)
    const planes = writer.add(
      'Conv',
      [
        writer.reshape(whole, [1, batch * channels, height + Math.min(pads[2]!, 0), width + Math.min(pads[3]!, 0)]),
        writer.reshape(dy, [batch * channels, 1, outHeight, outWidth]),
      ],
      { group: batch * channels, dilations: stride, pads: pads.map(side => Math.max(side, 0)) },
    )
    writer.sum(writer.reshape(planes, [batch, channels, 1, ...kernel]), [0], dweight)
    return
  }
  if (groups > 1) {
    const parts = Array.from({ length: groups }, (_, group) => {
      const part = (value: string, count: number) =>
        writer.slice(value, [1], [(group * count) / groups], [((group + 1) * count) / groups], [1])
      return dense(
        writer,
        part(x, channels),
        part(dy, filters),
        { batch, channels: channels / groups, filters: filters / groups, height, width, outHeight, outWidth },
        node.attributes,
      )
    })
    writer.add('Concat', parts, { axis: 0 }, dweight)
    return
  }
  const product = dense(
    writer,
    x,
    dy,
    { batch, channels, filters, height, width, outHeight, outWidth },
    node.attributes,
  )
  writer.add('Identity', [product], {}, dweight)
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
      ? writer.sum(writer.addFused('FusedMatMul', [left, columns], { transB: 1 }), [0])
      : writer.add('Gemm', [rows(writer, left, extent, filters), rows(writer, columns, extent, taps)], { transB: 1 })
  return writer.reshape(product, [filters, channels, kernel[0], kernel[1]])
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
