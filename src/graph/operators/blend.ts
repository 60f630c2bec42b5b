/** A weighted sum of two tensors: gradients that are gathered over batches, and averages of weights that move with them. */
import { elements, type Shape } from '../graph.js'
import { expectSame, type Operator, required } from '../operator.js'

/**
 * Inputs: the old value and the new one (of one shape), and the scalars keep and share.
 * Output: keep * old + share * new.
 */
export const blend: Operator<'blend'> = {
  shapes: ([old, value, keep, share]) => {
    expectSame('the new value', value, old as Shape)
    for (const scalar of [keep, share]) expectSame('a share', scalar, [])
    return [old as Shape]
  },
  flops: ([old]) => 3 * elements(old as Shape),
  reference: inputs => {
    const [old, value] = [required(inputs, 0), required(inputs, 1)]
    const [keep, share] = [required(inputs, 2).data[0]!, required(inputs, 3).data[0]!]
    return [{ shape: old.shape, data: old.data.map((x, i) => keep * x + share * value.data[i]!) }]
  },
}
