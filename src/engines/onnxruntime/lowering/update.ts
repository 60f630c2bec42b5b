/** The optimisers' updates as ordinary ONNX operators. */
import type { Graph, Node } from '../../../graph/index.js'
import type { OnnxWriter } from './writer.js'

export function sgd(writer: OnnxWriter, _: Graph, node: Node<'sgd'>): void {
  const [parameter, gradient, velocity, rate, momentum, decay] = node.inputs as [
    string,
    string,
    string,
    string,
    string,
    string,
  ]
  const [next, nextVelocity] = node.outputs as [string, string]
  const decayed = writer.add('Add', [gradient, writer.add('Mul', [parameter, decay])])
  const moved = writer.add('Add', [writer.add('Mul', [velocity, momentum]), decayed], {}, nextVelocity)
  const step = node.attributes.nesterov ? writer.add('Add', [decayed, writer.add('Mul', [moved, momentum])]) : moved
  writer.add('Sub', [parameter, writer.add('Mul', [step, rate])], {}, next)
}

export function adamW(writer: OnnxWriter, _: Graph, node: Node<'adamW'>): void {
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
  const blend = (old: string, value: string, beta: number, output: string) =>
    writer.add(
      'Add',
      [writer.add('Mul', [old, writer.scalar(beta)]), writer.add('Mul', [value, writer.scalar(1 - beta)])],
      {},
      output,
    )
  const m = blend(first, gradient, beta1, nextFirst)
  const v = blend(second, writer.add('Mul', [gradient, gradient]), beta2, nextSecond)
  const deviation = writer.add('Add', [writer.add('Sqrt', [writer.add('Div', [v, correction2])]), writer.scalar(eps)])
  const step = writer.add('Div', [writer.add('Mul', [m, writer.add('Div', [rate, correction1])]), deviation])
  const kept = writer.add('Mul', [parameter, writer.add('Sub', [writer.scalar(1), writer.add('Mul', [rate, decay])])])
  writer.add('Sub', [kept, step], {}, next)
}
