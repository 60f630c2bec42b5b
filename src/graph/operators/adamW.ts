/** The update of AdamW (Loshchilov and Hutter 2019), as torch.optim.AdamW does it. */
import { elements, type Shape } from '../graph.js'
import { expectSame, type Operator, required } from '../operator.js'

/**
 * Inputs: parameter, gradient, first moment, second moment (all of one shape), and the scalars learning rate, weight
 * decay, the bias corrections 1 - beta1^t and 1 - beta2^t of step t, counted from 1, beta1 and beta2, and, optionally,
 * what the gradient is multiplied by first.
 * Outputs: the new parameter and moments. The decay is decoupled: parameter *= 1 - rate * decay before the step.
 */
export const adamW: Operator<'adamW'> = {
  shapes: ([parameter, gradient, first, second, ...scalars]) => {
    for (const [what, shape] of Object.entries({ gradient, first, second })) expectSame(what, shape, parameter as Shape)
    for (const scalar of scalars) expectSame('a rate', scalar ?? [], [])
    return [parameter as Shape, parameter as Shape, parameter as Shape]
  },
  flops: ([parameter]) => 14 * elements(parameter as Shape),
  reference: (inputs, { eps }) => {
    const { shape, data } = required(inputs, 0)
    const [gradient, oldFirst, oldSecond] = [1, 2, 3].map(i => required(inputs, i).data) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ]
    const scalars = [4, 5, 6, 7, 8, 9].map(i => required(inputs, i).data[0]!)
    const [rate, decay, correction1, correction2, beta1, beta2] = scalars as [
      number,
      number,
      number,
      number,
      number,
      number,
    ]
    const scale = inputs[10]?.data[0] ?? 1
    const first = oldFirst.map((m, i) => beta1 * m + (1 - beta1) * scale * gradient[i]!)
    const second = oldSecond.map((v, i) => beta2 * v + (1 - beta2) * (scale * gradient[i]!) ** 2)
    const parameter = data.map((w, i) => {
      const denominator = Math.sqrt(second[i]! / correction2) + eps
      return w * (1 - rate * decay) - ((rate / correction1) * first[i]!) / denominator
    })
    return [parameter, first, second].map(values => ({ shape, data: values }))
  },
}
