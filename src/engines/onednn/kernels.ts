/** What there is no fast kernel for: told of the implementations that oneDNN chose for a plan. */
import { RegraftError } from '../../base/errors.js'
import { elements } from '../../graph/index.js'
import { convolvedBy } from './convolved.js'
import type { Plan, PlannedOperation } from './planned.js'

/** Multiply-adds that a loop without a kernel's tricks gets done in some milliseconds. */
const few = 1e6

/** Multiply-adds of a convolution or of a gradient of one. */
function multiplyAdds({ values }: Plan, operation: PlannedOperation): number {
  const [, weights, outputs] = convolvedBy(operation).map(index => values[index ?? -1])
  return weights && outputs ? elements(outputs.dims) * elements(weights.dims.slice(1)) : 0
}

/**
 * What oneDNN has no kernel for on this CPU it computes by reference loops: seconds where others take milliseconds.
 * @param implementations what it chose for each operation
 * @throws RegraftError('engine') where such a loop would have much to do
 */
export function checkKernels(plan: Plan, implementations: readonly string[]): void {
  const slow = plan.operations.find(
    (operation, i) => /^ref\b/.test(implementations[i] as string) && multiplyAdds(plan, operation) > few,
  )
  if (slow)
    throw new RegraftError(
      'engine',
      `onednn: on this CPU oneDNN has only a slow loop for ${slow.kernel} '${plan.values[slow.outputs[0] as number]?.name}'; use --engine onnxruntime`,
    )
}
