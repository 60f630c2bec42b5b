/** Elementwise addition of two tensors of the same shape. */
import { elements, type Shape } from '../graph.js'
import { expectSame, type Operator, required } from '../operator.js'

/** Inputs: a, b. Output: a + b. */
export const add: Operator<'add'> = {
  shapes: inputs => {
    expectSame('the second summand', inputs[1], required(inputs, 0))
    return [required(inputs, 0)]
  },
  gradient: ({ outputGradient, wants }) => [0, 1].map(input => (wants(input) ? outputGradient : undefined)),
  flops: (_, [y]) => elements(y as Shape),
  reference: inputs => {
    const a = required(inputs, 0)
    const b = required(inputs, 1)
    return [{ shape: a.shape, data: a.data.map((value, i) => value + b.data[i]!) }]
  },
}
