/** Products whose large results are written past the cache: whoever reads them comes too late to find them there. */
import type { Draft, DraftStrip, DraftValue } from './draft.js'

/** More bytes than caches will hold until they are read again. */
const isMany = (bytes: number): boolean => bytes > 16 * 2 ** 20

/** Whether an operation takes a gradient alike before and after it has passed the norm's activation. */
const masksAgain = ({ kernel, inputs }: Draft, name: string): boolean =>
  (kernel === 'normGradientApply' && inputs[0] === name && !inputs[4]) ||
  (kernel === 'depthwiseGradients' && inputs[1] === name && Boolean(inputs[4]))

/** The product with the sums in one kernel, while its result is in registers. */
function fused(product: Draft, { inputs, outputs, numbers }: Draft): Draft {
  const both = { ...product, outputs: [product.outputs[0] as string, outputs[0] as string] }
  if (product.kernel === 'conv2d') return both
  const activation = numbers.activation as readonly number[]
  return {
    ...both,
    inputs: [...product.inputs.slice(0, 2), ...inputs.slice(1, 3)],
    numbers: { ...product.numbers, activationBefore: activation },
  }
}

/**
 * In strips of pieces of images, gives products that write past the cache the sums to find that a norm needs of what they
 * write. Of a gradient that is what the norm's activation passes.
 */
export function writePast(
  groups: readonly DraftStrip[],
  values: ReadonlyMap<string, DraftValue>,
  outputs: ReadonlySet<string>,
  bytesOf: (value: DraftValue) => number,
): DraftStrip[] {
  const readers = new Map<string, Draft[]>()
  for (const operation of groups.flatMap(group => group.operations))
    for (const name of operation.inputs) readers.set(name, [...(readers.get(name) ?? []), operation])
  /** The sums that can be found with a product. */
  const sumsOf = ({ kernel, outputs: [name = ''], numbers }: Draft, strip: readonly Draft[]): Draft | undefined => {
    const value = values.get(name)
    if (!numbers.pointwise || !value || outputs.has(name) || !isMany(bytesOf(value))) return undefined
    const [sums, ...rest] = strip.filter(({ inputs }) => inputs.includes(name))
    const later = (readers.get(name) ?? []).filter(reader => reader !== sums)
    if (!sums || rest.length > 0 || later.length === 0 || sums.inputs[0] !== name) return undefined
    if (kernel === 'conv2d') return sums.kernel === 'normSums' ? sums : undefined
    const isGradient = kernel === 'conv2dInputGradient' && sums.kernel === 'normGradientSums'
    const isSeenAgain = !sums.inputs[3] && !sums.outputs[1] && later.every(reader => masksAgain(reader, name))
    return isGradient && isSeenAgain ? sums : undefined
  }
  return groups.map(group => {
    if (group.pieces === 1) return group
    const found = new Map(group.operations.map(one => [one, sumsOf(one, group.operations)]))
    const done = new Set(found.values())
    const operations = group.operations
      .filter(operation => !done.has(operation))
      .map(operation => {
        const sums = found.get(operation)
        return sums ? fused(operation, sums) : operation
      })
    return { ...group, operations }
  })
}
