/** What a dense convolution, or a gradient of one, works on where all of it lies in blocks. */
import type { Node } from '../../graph/index.js'
import type { Draft, DraftValue } from './draft.js'

/** A convolution's images, weights and outputs, or their gradients, as an operation calls them; none of other kernels. */
export function convolvedBy<Value>({
  kernel,
  inputs,
  outputs,
}: {
  readonly kernel: string
  readonly inputs: readonly Value[]
  readonly outputs: readonly Value[]
}): readonly (Value | undefined)[] {
  if (kernel === 'conv2d') return [inputs[0], inputs[1], outputs[0]]
  if (kernel === 'conv2dInputGradient') return [outputs[0], inputs[1], inputs[0]]
  if (kernel === 'conv2dWeightGradient') return [inputs[0], outputs[0], inputs[1]]
  return []
}

/** The weights that a convolution or its gradient reads or writes. */
export const weightsOf = ({ operator, inputs, outputs }: Node): string | undefined =>
  convolvedBy({ kernel: operator, inputs, outputs })[1]

/** Images, weights and outputs; undefined of kernels, layouts and groups that only oneDNN has something for. */
export function convolved(
  operation: Draft,
  values: ReadonlyMap<string, DraftValue>,
): readonly [images: DraftValue, weights: DraftValue, outputs: DraftValue] | undefined {
  const [images, weights, outputs] = convolvedBy(operation).map(name => values.get(name ?? ''))
  if (!images || !weights || !outputs || operation.numbers.groups?.[0] !== 1) return undefined
  return images.layout === 'blocked' && outputs.layout === 'blocked' ? [images, weights, outputs] : undefined
}
