/** The optimisers' updates as ordinary ONNX operators. */
import { type Graph, lookUp, type Node } from '../../../graph/index.js'
import type { OnnxWriter } from './writer.js'

/**
 * A scalar with as many axes as the parameter: against weights [O, I, 1, 1] the runtime multiplies by a scalar without
 * axes element by element, eighty times slower.
 */
const scalarFor = (writer: OnnxWriter, graph: Graph, parameter: string) => {
  const ones = lookUp(graph, parameter).shape.map(() => 1)
  return (scalar: string | number) =>
    typeof scalar === 'number' ? writer.floats([scalar], ones) : writer.reshape(scalar, ones)
}

export function sgd(writer: OnnxWriter, graph: Graph, node: Node<'sgd'>): void {
  const [parameter, gradient, velocity, rate, momentum, decay] = node.inputs as [
    string,
    string,
    string,
    string,
    string,
    string,
  ]
  const [next, nextVelocity] = node.outputs as [string, string]
  const scalar = scalarFor(writer, graph, parameter)
  const times = (x: string, factor: string) => writer.add('Mul', [x, scalar(factor)])
  const decayed = writer.add('Add', [gradient, times(parameter, decay)])
  const moved = writer.add('Add', [times(velocity, momentum), decayed], {}, nextVelocity)
  const step = node.attributes.nesterov ? writer.add('Add', [decayed, times(moved, momentum)]) : moved
  writer.add('Sub', [parameter, times(step, rate)], {}, next)
}

export function adamW(writer: OnnxWriter, graph: Graph, node: Node<'adamW'>): void {
  const { beta1, beta2, eps } = node.attributes
  const [parameter, gradient, first, second, rate, decay, correction1, correction2] = node.inputs as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ]
  const [next, nextFirst, nextSecond] = node.outputs as [string, string, string]
  const scalar = scalarFor(writer, graph, parameter)
  const times = (x: string, factor: string | number) => writer.add('Mul', [x, scalar(factor)])
  const blend = (old: string, value: string, beta: number, output: string) =>
    writer.add('Add', [times(old, beta), times(value, 1 - beta)], {}, output)
  const m = blend(first, gradient, beta1, nextFirst)
  const v = blend(second, writer.add('Mul', [gradient, gradient]), beta2, nextSecond)
  const spread = writer.add('Sqrt', [writer.add('Div', [v, scalar(correction2)])])
  const deviation = writer.add('Add', [spread, scalar(eps)])
  const step = writer.add('Div', [times(m, writer.add('Div', [rate, correction1])), deviation])
  const kept = times(parameter, writer.add('Sub', [writer.scalar(1), writer.add('Mul', [rate, decay])]))
  writer.add('Sub', [kept, step], {}, next)
}
