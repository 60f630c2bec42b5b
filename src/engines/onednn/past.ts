/** Large results of products are written past the cache: whoever reads them comes too late to find them there. */
import type { Draft, DraftStrip, DraftValue } from './draft.js'

/** More bytes than caches will hold until they are read again. */
const isMany = (bytes: number): boolean => bytes > 16 * 2 ** 20

/** Whether an operation takes a gradient as what the norm's activation has passed or not yet passed alike. */
const masksAgain = ({ kernel, inputs }: Draft, name: string): boolean =>
  (kernel === 'normGradientApply' && inputs[0] === name && !inputs[4]) ||
  (kernel === 'depthwiseGradients' && inputs[1] === name && Boolean(inputs[4]))

/**
 * In strips of pieces of images a product leaves its result in the cache, where the sums that a norm needs of it are
 * found; they write it where it belongs. Of a gradient that is what the norm's activation passes.
 */
export function writePast(
  groups: readonly DraftStrip[],
  values: Map<string, DraftValue>,
  outputs: ReadonlySet<string>,
  bytesOf: (value: DraftValue) => number,
): DraftStrip[] {
  const readers = new Map<string, Draft[]>()
  for (const operation of groups.flatMap(group => group.operations))
    for (const name of operation.inputs) readers.set(name, [...(readers.get(name) ?? []), operation])
  const serves = (sums: Draft, strip: readonly Draft[]): boolean => {
    const [name = ''] = sums.inputs
    const value = values.get(name)
    const others = (readers.get(name) ?? []).filter(reader => reader !== sums)
    if (!value || value.persistent || outputs.has(name) || sums.outputs[1] || !isMany(bytesOf(value))) return false
    if (others.length === 0 || others.some(reader => strip.includes(reader))) return false
    return (
      sums.kernel === 'normSums' ||
      (sums.kernel === 'normGradientSums' && !sums.inputs[3] && others.every(reader => masksAgain(reader, name)))
    )
  }
  return groups.map(group => {
    const { operations, pieces } = group
    if (pieces === 1) return group
    const near = new Map<string, string>()
    for (const { numbers, outputs: made } of operations)
      for (const sums of numbers.pointwise ? operations : [])
        if (sums.inputs[0] === made[0] && serves(sums, operations)) near.set(made[0] as string, `${made[0]}.near`)
    for (const [name, copy] of near) values.set(copy, { ...(values.get(name) as DraftValue), name: copy })
    return {
      ...group,
      operations: operations.map(operation => {
        const [x = ''] = operation.inputs
        const [y = ''] = operation.outputs
        if (near.has(y)) return { ...operation, outputs: [near.get(y) as string] }
        if (!near.has(x)) return operation
        const inputs = [near.get(x) as string, ...operation.inputs.slice(1)]
        return { ...operation, inputs, outputs: [y, x], numbers: { ...operation.numbers, past: [1] } }
      }),
    }
  })
}
