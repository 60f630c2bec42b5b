/** Which convolutions are products of pixels and channels, computed by an own kernel. */
import { convolved } from './convolved.js'
import type { Draft, DraftValue } from './draft.js'

/** What a convolution has besides images and weights where it is served, not trained. */
const served = ({ kernel, inputs, numbers }: Draft): boolean =>
  kernel === 'conv2d' && (inputs.slice(2).some(name => name !== '') || numbers.activation?.[0] !== 0)

/**
 * Marks convolutions of one tap at stride 1, and their gradients, in float32. oneDNN's own are no slower where a bias, a
 * residual or an activation follows at once.
 */
export function markPointwise(operations: readonly Draft[], values: ReadonlyMap<string, DraftValue>): Draft[] {
  return operations.map(operation => {
    if (served(operation)) return operation
    const [images, weights] = convolved(operation, values) ?? []
    const { stride = [], padding = [] } = operation.numbers
    if (images?.precision !== 'float32' || weights?.dims[2] !== 1 || weights.dims[3] !== 1) return operation
    if (stride.some(step => step !== 1) || padding.some(side => side !== 0)) return operation
    return { ...operation, numbers: { ...operation.numbers, pointwise: [1] } }
  })
}
