/** What gradients are multiplied by so that their common norm stays below a limit, as torch.nn.utils.clip_grad_norm_ does it. */
import { elements, type Shape } from '../graph.js'
import { expectSame, type Operator, required } from '../operator.js'

/** Inputs: the limit (scalar) and any number of gradients. Output (scalar): min(1, limit / (norm of them all + 1e-6)). */
export const clipScale: Operator<'clipScale'> = {
  shapes: ([limit, ...gradients]) => {
    expectSame('the limit', limit, [])
    if (gradients.length === 0) throw new Error('there are no gradients')
    return [[]]
  },
  flops: ([, ...gradients]) => 2 * gradients.reduce((sum, shape) => sum + elements(shape as Shape), 0),
  reference: inputs => {
    const [limit, ...gradients] = inputs.map((_, i) => required(inputs, i).data) as [Float64Array, ...Float64Array[]]
    const squares = gradients.reduce((sum, data) => data.reduce((total, g) => total + g * g, sum), 0)
    return [{ shape: [], data: Float64Array.of(Math.min(1, limit[0]! / (Math.sqrt(squares) + 1e-6))) }]
  },
}
