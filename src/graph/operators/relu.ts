/** ReLU and ReLU6 with their gradients, which need only the output: it tells where the gradient passes. */
import { elements, type Shape } from '../graph.js'
import { expectSame, type Operator, required } from '../operator.js'
import { activate, passes } from './activation.js'

type Name = 'relu' | 'relu6'

const forward = <K extends Name>(activation: K): Operator<K> => ({
  shapes: inputs => [required(inputs, 0)],
  gradient: ({ builder, outputs, outputGradient, wants }) => [
    wants(0)
      ? builder.one(`${activation}Gradient`, `${outputs[0]}.dx`, [outputGradient, outputs[0] as string], {})
      : undefined,
  ],
  flops: (_, [y]) => elements(y as Shape),
  reference: inputs => {
    const { shape, data } = required(inputs, 0)
    return [{ shape, data: data.map(x => activate(activation, x)) }]
  },
})

const backward = <K extends Name>(activation: K): Operator<`${K}Gradient`> => ({
  shapes: inputs => {
    expectSame('y', inputs[1], required(inputs, 0))
    return [required(inputs, 0)]
  },
  flops: (_, [dx]) => elements(dx as Shape),
  reference: inputs => {
    const dy = required(inputs, 0)
    const y = required(inputs, 1)
    return [{ shape: dy.shape, data: dy.data.map((d, i) => (passes(activation, y.data[i]!) ? d : 0)) }]
  },
})

/** Input: x. Output: max(x, 0). */
export const relu = forward('relu')
/** Input: x. Output: min(max(x, 0), 6). */
export const relu6 = forward('relu6')
/** Inputs: dy, y. Output: dx. */
export const reluGradient = backward('relu')
/** Inputs: dy, y. Output: dx. */
export const relu6Gradient = backward('relu6')
