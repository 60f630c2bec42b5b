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

export function blend(writer: OnnxWriter, graph: Graph, node: Node<'blend'>): void {
  const [old, value, keep, share] = node.inputs as [string, string, string, string]
  const scalar = scalarFor(writer, graph, old)
  const times = (x: string, factor: string) => writer.add('Mul', [x, scalar(factor)])
  writer.add('Add', [times(old, keep), times(value, share)], {}, node.outputs[0])
}

export function clipScale(writer: OnnxWriter, _: Graph, node: Node<'clipScale'>): void {
  const [limit, ...gradients] = node.inputs as [string, ...string[]]
  const squares = gradients.map(gradient => writer.add('ReduceSumSquare', [gradient], { keepdims: 0 }))
  const norm = writer.add('Sqrt', [squares.length === 1 ? squares[0]! : writer.add('Sum', squares)])
  const scale = writer.add('Div', [limit, writer.add('Add', [norm, writer.scalar(1e-6)])])
  writer.add('Min', [scale, writer.scalar(1)], {}, node.outputs[0])
}

/** The gradient, times the scale where there is one. */
const scaled = (writer: OnnxWriter, gradient: string, scale: string | undefined, scalar: (name: string) => string) =>
  scale ? writer.add('Mul', [gradient, scalar(scale)]) : gradient

export function sgd(writer: OnnxWriter, graph: Graph, node: Node<'sgd'>): void {
  const [parameter, given, velocity, rate, momentum, decay] = node.inputs as [
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
  const gradient = scaled(writer, given, node.inputs[6], scalar)
  const decayed = writer.add('Add', [gradient, times(parameter, decay)])
  const moved = writer.add('Add', [times(velocity, momentum), decayed], {}, nextVelocity)
  const step = node.attributes.nesterov ? writer.add('Add', [decayed, times(moved, momentum)]) : moved
  writer.add('Sub', [parameter, times(step, rate)], {}, next)
}

export function adamW(writer: OnnxWriter, graph: Graph, node: Node<'adamW'>): void {
  const { eps } = node.attributes
  const [parameter, given, first, second, rate, decay, correction1, correction2, beta1, beta2] = node.inputs as [
    string,
    string,
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
  const gradient = scaled(writer, given, node.inputs[10], scalar)
  const times = (x: string, factor: string) => writer.add('Mul', [x, scalar(factor)])
  const moved = (old: string, value: string, beta: string, output: string) =>
    writer.add('Add', [times(old, beta), times(value, writer.add('Sub', [writer.scalar(1), beta]))], {}, output)
  const m = moved(first, gradient, beta1, nextFirst)
  const v = moved(second, writer.add('Mul', [gradient, gradient]), beta2, nextSecond)
  const spread = writer.add('Sqrt', [writer.add('Div', [v, scalar(correction2)])])
  const deviation = writer.add('Add', [spread, scalar(eps)])
  const step = writer.add('Div', [times(m, writer.add('Div', [rate, correction1])), deviation])
  const kept = times(parameter, writer.add('Sub', [writer.scalar(1), writer.add('Mul', [rate, decay])]))
  writer.add('Sub', [kept, step], {}, next)
}
