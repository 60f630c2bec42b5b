/** Which convolutions are computed by Winograd's method: a rule by shape alone, since results follow it. */
import type { Precision } from '../engine.js'
import { convolved } from './convolved.js'
import type { Draft, DraftValue } from './draft.js'
import type { Plan, PlannedOperation, PlannedValue } from './planned.js'

/** Multiplications for one pair of channels that transforming its weights takes as long as. */
const weightTransform = 1000
/** What a product costs here, with the transforms of its factors, of one in a direct convolution; both are in float32. */
const productCost = 1.5
/** How much faster direct convolutions are in bfloat16, where this method stays in float32. */
const directGain = { float32: 1, bfloat16: 1.6 } as const

/**
 * Whether 36 products for each tile of 4 x 4 outputs, and the transforms, take less time than nine for each output.
 * @param weights [O, I, kH, kW]
 * @param outputs [N, O, H, W]
 * @param precision how images are stored
 */
export function winogradPays(
  weights: readonly number[],
  outputs: readonly number[],
  stride: readonly number[],
  precision: Precision = 'float32',
): boolean {
  const [filters = 0, channels = 0, kernelHeight, kernelWidth] = weights
  const [batch = 0, , height = 0, width = 0] = outputs
  if (kernelHeight !== 3 || kernelWidth !== 3 || stride.some(step => step !== 1)) return false
  if (filters < 32 || channels < 32) return false
  const tiles = Math.ceil(height / 4) * Math.ceil(width / 4)
  return 9 * batch * height * width > directGain[precision] * (productCost * 36 * batch * tiles + weightTransform)
}

/** Marks what is computed by Winograd's method: in float32, however images are stored. */
export function markWinograd(operations: readonly Draft[], values: ReadonlyMap<string, DraftValue>): Draft[] {
  return operations.map(operation => {
    const [images, weights, outputs] = convolved(operation, values) ?? []
    if (!images || !weights || !outputs) return operation
    if (!winogradPays(weights.dims, outputs.dims, operation.numbers.stride ?? [], images.precision)) return operation
    return { ...operation, numbers: { ...operation.numbers, winograd: [1] } }
  })
}

/** How many times its weights' bytes a convolution wants for another form of them: Winograd's, or groups joined to blocks. */
const formsOf = ({ kernel, numbers }: PlannedOperation, weights: PlannedValue | undefined): number => {
  if (kernel !== 'conv2d' && kernel !== 'conv2dInputGradient') return 0
  if (numbers.winograd) return 36 / 9
  return (numbers.groups?.[0] ?? 1) > 1 && (weights?.dims[1] ?? 1) > 1 ? 2 : 0
}

/** Bytes of weights in other forms: those of no update are kept, others have memory while their strip runs. */
export function transformedBytes({ values, operations, strips }: Plan): number {
  const updated = new Set(operations.flatMap(({ outputs }) => outputs))
  const sum = (updates: boolean, first = 0, end = operations.length) =>
    operations
      .slice(first, end)
      .filter(({ inputs }) => updated.has(inputs[1] ?? -1) === updates)
      .reduce((total, operation) => {
        const weights = values[operation.inputs[1] ?? -1]
        return total + formsOf(operation, weights) * (weights?.bytes ?? 0)
      }, 0)
  return sum(false) + Math.max(0, ...strips.map(({ first, end }) => sum(true, first, end)))
}
