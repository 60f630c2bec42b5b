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

/** dy with zeros between its rows and columns, as the stride skipped them. */
function spread(
  writer: OnnxWriter,
  dy: string,
  [batch, channels, height, width]: Sizes,
  [down, right]: readonly [number, number],
): string {
  const apart = writer.reshape(dy, [batch * channels, height, 1, width, 1])
  const padded = writer.add('Pad', [apart, writer.integers([0, 0, 0, 0, 0, 0, 0, down - 1, 0, right - 1])])
  return writer.reshape(padded, [batch, channels, height * down, width * right])
}

/** Stride 1: a convolution with flipped, transposed weights. Otherwise a transposed convolution; depthwise, zeros are put in first. */
export function conv2dInputGradient(writer: OnnxWriter, graph: Graph, node: Node<'conv2dInputGradient'>): void {
  const { stride, padding, groups, inputSize } = node.attributes
  const [dy, weight] = node.inputs as [string, string]
  const [dx] = node.outputs as [string]
  const kernel = sizes(graph, weight)
  const [, , kernelHeight, kernelWidth] = kernel
  const gradient = sizes(graph, dy)
  const dense = stride[0] === 1 && stride[1] === 1
  const depthwise = groups > 1 && kernel[1] === 1 && kernel[0] === groups
  const pointwise = kernelHeight === 1 && kernelWidth === 1 && padding.every(side => side === 0)
  if (dense || depthwise || pointwise) {
    const wide = dense ? dy : spread(writer, dy, gradient, stride)
    const [height, width] = [gradient[2] * stride[0], gradient[3] * stride[1]]
    const [top, left] = [kernelHeight - 1 - padding[0], kernelWidth - 1 - padding[1]]
    const pads = [
      top,
      left,
      inputSize[0] - height + kernelHeight - 1 - top,
      inputSize[1] - width + kernelWidth - 1 - left,
    ]
    writer.add(
      'Conv',
      [cropped(writer, wide, [height, width], pads), flipped(writer, weight, kernel, groups)],
      { pads: pads.map(side => Math.max(side, 0)), group: groups },
      dx,
    )
    return
  }
  const rest = (axis: 0 | 1) =>
    inputSize[axis] -
    ((gradient[axis + 2]! - 1) * stride[axis] + kernel[axis + 2]! - padding[axis]! - padding[axis + 2]!)
  writer.add(
    'ConvTranspose',
    [dy, weight],
    { strides: stride, pads: padding, group: groups, output_padding: [rest(0), rest(1)] },
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
    // Tap by tap: the mean of shifted x times dy over a plane, then the sum over images.
    const padded = padding.some(side => side > 0)
      ? writer.add('Pad', [x, writer.integers([0, 0, padding[0], padding[1], 0, 0, padding[2], padding[3]])])
      : x
    const taps: string[] = []
    for (let r = 0; r < kernel[0]; r++)
      for (let s = 0; s < kernel[1]; s++) {
        const end = [r + (outHeight - 1) * stride[0] + 1, s + (outWidth - 1) * stride[1] + 1]
        const shifted = writer.slice(padded, [2, 3], [r, s], end, stride)
        const mean = writer.add('GlobalAveragePool', [writer.add('Mul', [shifted, dy])])
        taps.push(writer.reshape(mean, [batch, channels, 1]))
      }
    const means = taps.length === 1 ? (taps[0] as string) : writer.add('Concat', taps, { axis: 2 })
    const sums = writer.add('Mul', [writer.sum(means, [0]), writer.scalar(outHeight * outWidth)])
    writer.reshape(sums, [channels, 1, kernel[0], kernel[1]], dweight)
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

/** Above this many positions a product per image is faster than one over all images, which needs a transposition. */
const manyPositions = 28 * 28

function dense(
  writer: OnnxWriter,
  x: string,
  dy: string,
  extent: Extent,
  attributes: Node<'conv2dWeightGradient'>['attributes'],
): string {
  const { batch, channels, filters, outHeight, outWidth } = extent
  const { stride, padding, kernel } = attributes
  const positions = outHeight * outWidth
  const perImage = positions >= manyPositions
  const padded = padding.some(side => side > 0)
    ? writer.add('Pad', [x, writer.integers([0, 0, padding[0], padding[1], 0, 0, padding[2], padding[3]])])
    : x
  // [O, N * positions], for products over all images at once.
  const rows = (value: string, count: number) =>
    writer.reshape(writer.transpose(writer.reshape(value, [batch, count, positions]), [1, 0, 2]), [
      count,
      batch * positions,
    ])
  const left = perImage ? writer.reshape(dy, [batch, filters, positions]) : rows(dy, filters)
  const taps: string[] = []
  for (let r = 0; r < kernel[0]; r++)
    for (let s = 0; s < kernel[1]; s++) {
      const whole = kernel[0] * kernel[1] === 1 && stride[0] === 1 && stride[1] === 1 && padded === x
      const shifted = whole
        ? x
        : writer.slice(
            padded,
            [2, 3],
            [r, s],
            [r + (outHeight - 1) * stride[0] + 1, s + (outWidth - 1) * stride[1] + 1],
            stride,
          )
      if (perImage) {
        const product = writer.addFused('FusedMatMul', [left, writer.reshape(shifted, [batch, channels, positions])], {
          transB: 1,
        })
        taps.push(writer.sum(product, [0]))
      } else taps.push(writer.add('Gemm', [left, rows(shifted, channels)], { transB: 1 }))
    }
  if (taps.length === 1) return writer.reshape(taps[0]!, [filters, channels, 1, 1])
  const stacked = writer.add(
    'Concat',
    taps.map(tap => writer.reshape(tap, [filters, channels, 1])),
    { axis: 2 },
  )
  return writer.reshape(stacked, [filters, channels, kernel[0], kernel[1]])
}
