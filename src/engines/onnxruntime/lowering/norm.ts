/** Batch norm, its gradient and its running statistics as ordinary ONNX operators. */
import { elements, type Graph, lookUp, type Node } from '../../../graph/index.js'
import { affine, channelDot, channelMean } from './channels.js'
import { kept, keptAs } from './layout.js'
import type { OnnxWriter } from './writer.js'

type Sizes = readonly [number, number, number, number]

/** `value` / sqrt(variance + eps), per channel: rounded once where a product with the inverse would be rounded twice. */
const overDeviation = (writer: OnnxWriter, value: string, variance: string, eps: number): string =>
  writer.add('Div', [value, writer.add('Sqrt', [writer.add('Add', [variance, writer.scalar(eps)])])])

/** x - mean. The gradient finds what the norm has made already: x itself is then not needed any longer. */
function centred(writer: OnnxWriter, graph: Graph, x: string, mean: string): string {
  const name = `${x} ${mean}#centred`
  if (writer.has(name)) return name
  const { shape } = lookUp(graph, x)
  const scale = writer.floats(new Array<number>(shape[1] as number).fill(1))
  return affine(writer, kept(writer, graph, x), shape, { scale, shift: writer.add('Neg', [mean]) }, name)
}

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
  const shape = lookUp(graph, x).shape as Sizes
  const after = { residual: residual && kept(writer, graph, residual), activation }
  const output = keptAs(writer, graph, y)
  // Statistics that this run has found are used as they were then, so that a norm gives the same bits a second time.
  if (!training && lookUp(graph, runningMean).role !== 'intermediate') {
    const scale = overDeviation(writer, weight, runningVariance, eps)
    const shift = writer.add('Sub', [bias, writer.add('Mul', [runningMean, scale])])
    affine(writer, kept(writer, graph, x), shape, { scale, shift, ...after }, output)
    return
  }
  const mean = training ? channelMean(writer, kept(writer, graph, x), shape, meanName || undefined) : runningMean
  // Two passes: E[x^2] - E[x]^2 would lose digits, and so would scaling x before its mean is taken off.
  const difference = centred(writer, graph, x, mean)
  const variance = training
    ? channelDot(writer, difference, difference, shape, varianceName || undefined)
    : runningVariance
  const scale = overDeviation(writer, weight, variance, eps)
  affine(writer, difference, shape, { scale, shift: bias, ...after }, output)
}

/** With h = (x - mean) / deviation, s1 = E[d], s2 = E[d h]: dbias = n s1, dweight = n s2, dx = a (d - s1 - h s2). */
export function batchNormGradient(writer: OnnxWriter, graph: Graph, node: Node<'batchNormGradient'>): void {
  const { eps, training, activation } = node.attributes
  const [dy, x, weight, mean, variance, y] = node.inputs as [string, string, string, string, string, string]
  const [dx, dweight, dbias, dresidual] = node.outputs as [string, string, string, string?]
  const shape = lookUp(graph, x).shape as Sizes
  const count = writer.scalar(elements(shape) / shape[1])
  const dresidualAs = dresidual ? keptAs(writer, graph, dresidual) : undefined
  let d = kept(writer, graph, dy)
  if (activation !== 'none')
    d = writer.add('Mul', [d, writer.mask(kept(writer, graph, y), activation)], {}, dresidualAs)
  else if (dresidual) writer.add('Identity', [d], {}, dresidualAs)
  const a = overDeviation(writer, weight, variance, eps)
  const output = keptAs(writer, graph, dx)
  if (training || dweight || dbias) {
    const meanD = channelMean(writer, d, shape)
    const difference = centred(writer, graph, x, mean)
    const meanDH = overDeviation(writer, channelDot(writer, d, difference, shape), variance, eps)
    if (dweight) writer.add('Mul', [meanDH, count], {}, dweight)
    if (dbias) writer.add('Mul', [meanD, count], {}, dbias)
    if (training) {
      const negative = writer.add('Neg', [a])
      const scale = overDeviation(writer, writer.add('Mul', [negative, meanDH]), variance, eps)
      const residual = affine(writer, difference, shape, { scale, shift: writer.add('Mul', [negative, meanD]) })
      affine(writer, d, shape, { scale: a, residual }, output)
      return
    }
  }
  affine(writer, d, shape, { scale: a }, output)
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
