/** Dropout whose mask is an input (0, or 1 / (1 - probability)), so that the graph itself has no randomness. */
import { elements, type Shape } from '../graph.js'
import { expectSame, type Operator, required } from '../operator.js'

/** Inputs: x, mask. Output: x * mask. The gradient is the same operator. */
export const dropout: Operator<'dropout'> = {
  shapes: inputs => {
    expectSame('mask', inputs[1], required(inputs, 0))
    return [required(inputs, 0)]
  },
  gradient: ({ builder, attributes, inputs, outputs, outputGradient, wants }) => [
    wants(0)
      ? builder.one('dropout', `${outputs[0]}.dx`, [outputGradient, inputs[1] as string], attributes)
      : undefined,
  ],
  flops: (_, [y]) => elements(y as Shape),
  reference: inputs => {
    const x = required(inputs, 0)
    const mask = required(inputs, 1)
    return [{ shape: x.shape, data: x.data.map((value, i) => value * mask.data[i]!) }]
  },
}
