/** Batch norm, its gradient and its running statistics as ordinary ONNX operators. */
import { elements, type Graph, lookUp, type Node } from '../../../graph/index.js'
import { fusedActivation, type OnnxWriter } from './writer.js'

/** Mean of a [N, C, H, W] tensor per channel: [C]. */
function channelMean(writer: OnnxWriter, x: string, [batch, channels]: readonly number[], output?: string): string {
  const planes = writer.reshape(writer.add('GlobalAveragePool', [x]), [batch as number, channels as number])
  return writer.add('ReduceMean', [planes], { axes: [0], keepdims: 0 }, output)
}

/** Mean over a channel's values of the product of two tensors: [C]. */
const channelDot = (writer: OnnxWriter, x: string, y: string, shape: readonly number[], output?: string): string =>
  channelMean(writer, writer.add('Mul', [x, y]), shape, output)

/** scale * x + shift (+ residual), then the activation; scale and shift are [C]. A 1x1 depthwise convolution. */
function affine(
  writer: OnnxWriter,
  x: string,
  scale: string,
  shift: string,
  channels: number,
  residual: string,
  activation: 'none' | 'relu' | 'relu6',
  output?: string,
): string {
  const weight = writer.reshape(scale, [channels, 1, 1, 1])
  const attributes = { group: channels }
  if (activation !== 'none' && !residual && writer.fused)
    return writer.addFused('FusedConv', [x, weight, shift], { ...attributes, ...fusedActivation(activation) }, output)
  // With a residual, this release's FusedConv has given wrong numbers: it is added by a node of its own.
  if (!residual && activation === 'none') return writer.add('Conv', [x, weight, shift], attributes, output)
  const scaled = writer.add('Conv', [x, weight, shift], attributes)
  const last = activation === 'none' ? output : undefined
  const sum = residual ? writer.add('Add', [scaled, residual], {}, last) : scaled
  return activation === 'none' ? sum : writer.activate(sum, activation, output as string)
}

/** `value` / sqrt(variance + eps), per channel: rounded once where a product with the inverse would be rounded twice. */
const overDeviation = (writer: OnnxWriter, value: string, variance: string, eps: number): string =>
  writer.add('Div', [value, writer.add('Sqrt', [writer.add('Add', [variance, writer.scalar(eps)])])])

export function batchNorm(writer: OnnxWriter, graph: Graph, node: Node<'batchNorm'>): void {
  const { eps, training, activation } = node.attributes
  const [x, weight, bias, runningMean, runningVariance, residual = ''] = node.inputs as [
    string,
    string,
    string,
    string,
    string,
    string?,
  ]
  const [y, meanName, varianceName] = node.outputs as [string, string?, string?]
  const { shape } = lookUp(graph, x)
  const channels = shape[1] as number
  if (!training) {
    const scale = overDeviation(writer, weight, runningVariance, eps)
    const shift = writer.add('Sub', [bias, writer.add('Mul', [runningMean, scale])])
    affine(writer, x, scale, shift, channels, residual, activation, y)
    return
  }
  const mean = channelMean(writer, x, shape, meanName || undefined)
  // Two passes: E[x^2] - E[x]^2 would lose digits, and so would scaling x before its mean is taken off.
  const ones = writer.floats(new Array<number>(channels).fill(1))
  const centred = affine(writer, x, ones, writer.add('Neg', [mean]), channels, '', 'none')
  const variance = channelDot(writer, centred, centred, shape, varianceName || undefined)
  const scale = overDeviation(writer, weight, variance, eps)
  affine(writer, centred, scale, bias, channels, residual, activation, y)
}

/** With s1 = E[d] and s2 = E[d h]: dbias = n s1, dweight = n s2, dx = a (d - s1 - h s2), written as a d + b x + c. */
export function batchNormGradient(writer: OnnxWriter, graph: Graph, node: Node<'batchNormGradient'>): void {
  const { eps, training, activation } = node.attributes
  const [dy, x, weight, mean, variance, y] = node.inputs as [string, string, string, string, string, string]
  const [dx, dweight, dbias, dresidual] = node.outputs as [string, string, string, string?]
  const { shape } = lookUp(graph, x)
  const channels = shape[1] as number
  const count = writer.scalar(elements(shape) / channels)
  let d = dy
  if (activation !== 'none') d = writer.add('Mul', [dy, writer.mask(y, activation)], {}, dresidual || undefined)
  else if (dresidual) writer.add('Identity', [dy], {}, dresidual)
  const a = overDeviation(writer, weight, variance, eps)
  const needsSums = training || dweight || dbias
  if (!needsSums) {
    affine(writer, d, a, '', channels, '', 'none', dx)
    return
  }
  const meanD = channelMean(writer, d, shape)
  const inverse = overDeviation(writer, writer.scalar(1), variance, eps)
  const negated = writer.add('Neg', [writer.add('Mul', [mean, inverse])])
  const normalised = affine(writer, x, inverse, negated, channels, '', 'none')
  const meanDH = channelDot(writer, d, normalised, shape)
  if (dweight) writer.add('Mul', [meanDH, count], {}, dweight)
  if (dbias) writer.add('Mul', [meanD, count], {}, dbias)
  if (!training) {
    affine(writer, d, a, '', channels, '', 'none', dx)
    return
  }
  const scaleH = writer.add('Neg', [writer.add('Mul', [a, meanDH])])
  const shift = writer.add('Neg', [writer.add('Mul', [a, meanD])])
  const fromStatistics = affine(writer, normalised, scaleH, shift, channels, '', 'none')
  affine(writer, d, a, '', channels, fromStatistics, 'none', dx)
}

export function runningStatistics(writer: OnnxWriter, _: Graph, node: Node<'runningStatistics'>): void {
  const { momentum, count } = node.attributes
  const [runningMean, runningVariance, mean, variance] = node.inputs as [string, string, string, string]
  const blend = (running: string, batch: string, share: number, output: string | undefined) => {
    if (!output) return
    const kept = writer.add('Mul', [running, writer.scalar(1 - momentum)])
    writer.add('Add', [kept, writer.add('Mul', [batch, writer.scalar(share)])], {}, output)
  }
  blend(runningMean, mean, momentum, node.outputs[0])
  blend(runningVariance, variance, (momentum * count) / Math.max(count - 1, 1), node.outputs[1])
}
