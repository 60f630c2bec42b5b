/** What norms do with the channels of activations [N, C, H, W] as they are kept: scale and shift, means, dot products. */
import { isBlocked, padded, paddedVector, withoutPadding } from './layout.js'
import { fusedActivation, type OnnxWriter } from './writer.js'

interface Affine {
  /** [C] */
  readonly scale: string
  /** [C] */
  readonly shift?: string
  /** Like x. */
  readonly residual?: string
  readonly activation?: 'none' | 'relu' | 'relu6'
}

/** scale * x + shift + residual, then the activation. A 1x1 depthwise convolution, which is one pass over memory. */
export function affine(
  writer: OnnxWriter,
  x: string,
  shape: readonly number[],
  { scale, shift = '', residual = '', activation = 'none' }: Affine,
  output?: string,
): string {
  const channels = shape[1] as number
  const fused = fusedActivation(activation)
  if (isBlocked(writer, shape)) {
    const group = padded(writer, channels)
    const weight = writer.reshape(paddedVector(writer, scale, channels), [group, 1, 1, 1])
    const bias = shift && paddedVector(writer, shift, channels)
    return writer.add('com.microsoft.nchwc.Conv', [x, weight, bias, residual], { group, ...fused }, output)
  }
  const inputs = [x, writer.reshape(scale, [channels, 1, 1, 1]), shift]
  const attributes = { group: channels }
  // With a residual, this release's FusedConv has given wrong numbers: it is added by a node of its own.
  if (activation !== 'none' && !residual && writer.fused)
    return writer.add('com.microsoft.FusedConv', inputs, { ...attributes, ...fused }, output)
  if (!residual && activation === 'none') return writer.add('Conv', inputs, attributes, output)
  const scaled = writer.add('Conv', inputs, attributes)
  if (!residual) return writer.activate(scaled, activation, output)
  if (activation === 'none') return writer.add('Add', [scaled, residual], {}, output)
  return writer.activate(writer.add('Add', [scaled, residual]), activation, output)
}

/** Mean of every plane of x: [N, C]. In blocks first of every row: one sum over a large plane would lose digits. */
export function planeMeans(writer: OnnxWriter, x: string, shape: readonly number[], output?: string): string {
  const [batch, channels, , width] = shape
  if (!isBlocked(writer, shape))
    return writer.reshape(writer.add('GlobalAveragePool', [x]), [batch!, channels!], output)
  const rows = writer.add('com.microsoft.nchwc.AveragePool', [x], { kernel_shape: [1, width!] })
  const means = writer.add('com.microsoft.nchwc.GlobalAveragePool', [rows])
  return withoutPadding(writer, writer.reshape(means, [batch!, padded(writer, channels!)]), 1, channels!, output)
}

/** Mean over a channel's values: [C]. */
export function channelMean(writer: OnnxWriter, x: string, shape: readonly number[], output?: string): string {
  const planes = planeMeans(writer, x, shape)
  return writer.add('ReduceMean', [planes], { axes: [0], keepdims: 0 }, output)
}

/**
 * Mean over a channel's values of the product of two tensors: [C]. In blocks each row of one is a depthwise kernel for
 * the same row of the other: products and sums in one pass.
 */
export function channelDot(
  writer: OnnxWriter,
  x: string,
  y: string,
  shape: readonly [number, number, number, number],
  output?: string,
): string {
  if (!isBlocked(writer, shape)) return channelMean(writer, writer.add('Mul', [x, y]), shape, output)
  const [batch, channels, height, width] = shape
  const all = padded(writer, channels)
  const group = batch * all * height
  const rows = writer.add(
    'com.microsoft.nchwc.Conv',
    [writer.reshape(x, [1, group, width, 1]), writer.reshape(y, [group, 1, width, 1])],
    { group },
  )
  const { block } = writer
  const sums = writer.sum(writer.reshape(rows, [batch, all / block, height, block]), [0, 2])
  const total = withoutPadding(writer, writer.reshape(sums, [all]), 0, channels)
  return writer.add('Mul', [total, writer.scalar(1 / (batch * height * width))], {}, output)
}
