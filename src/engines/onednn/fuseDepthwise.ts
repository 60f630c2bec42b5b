/** In float32, both gradients of a depthwise convolution become one kernel, which applies the norm before it where it reads its input. */
import type { Draft, DraftValue } from './lower.js'

/** Whether the own kernel computes the gradients of a convolution with these weights. */
function isDepthwise({ numbers }: Draft, weights: DraftValue | undefined): boolean {
  if (weights?.layout !== 'weights' || weights.dims[1] !== 1 || numbers.groups?.[0] !== weights.dims[0]) return false
  const [kernel, stride] = [weights.dims[2] as number, numbers.stride?.[0] as number]
  const square = weights.dims[3] === kernel && numbers.stride?.[1] === stride
  return square && (kernel === 3 || kernel === 5) && (stride === 1 || stride === 2)
}

/**
 * Replaces norm, weight gradient and input gradient where the norm's result is read by the weight gradient only.
 * @param operations after `applyNormsAgain`, which gives each reader of a norm a copy of its own
 */
export function fuseDepthwise(operations: readonly Draft[], values: Map<string, DraftValue>): Draft[] {
  const readers = new Map<string, number>()
  for (const { inputs } of operations) for (const name of inputs) readers.set(name, (readers.get(name) ?? 0) + 1)
  const norms = new Map(
    operations.flatMap(norm =>
      norm.kernel === 'normApply' && !norm.inputs[2] ? [[norm.outputs[0] as string, norm]] : [],
    ),
  )
  const inputGradients = new Map(
    operations.flatMap(operation =>
      operation.kernel === 'conv2dInputGradient' ? [[operation.inputs[0] as string, operation]] : [],
    ),
  )
  /** What is replaced; the first of a group of three by the kernel for all. */
  const replaced = new Map<Draft, Draft | undefined>()
  for (const weightGradient of operations) {
    const [x, dy] = weightGradient.inputs as [string, string]
    const norm = norms.get(x)
    const inputGradient = inputGradients.get(dy)
    if (weightGradient.kernel !== 'conv2dWeightGradient' || !norm || !inputGradient || readers.get(x) !== 1) continue
    const weights = inputGradient.inputs[1] as string
    if (values.get(dy)?.precision !== 'float32' || !isDepthwise(weightGradient, values.get(weights))) continue
    const fused: Draft = {
      kernel: 'depthwiseGradients',
      inputs: [norm.inputs[0] as string, dy, weights, norm.inputs[1] as string],
      outputs: [weightGradient.outputs[0] as string, inputGradient.outputs[0] as string],
      numbers: { ...weightGradient.numbers, ...norm.numbers },
    }
    const isFirst = operations.indexOf(weightGradient) < operations.indexOf(inputGradient)
    replaced.set(norm, undefined)
    replaced.set(weightGradient, isFirst ? fused : undefined)
    replaced.set(inputGradient, isFirst ? undefined : fused)
    values.delete(x)
  }
  return operations.flatMap(operation => (replaced.has(operation) ? (replaced.get(operation) ?? []) : [operation]))
}
