/** Which convolutions are products of tiles: the dense ones of bfloat16, where the CPU has AMX. */
import { convolved } from './convolved.js'
import type { Draft, DraftValue } from './draft.js'

/** Marks dense convolutions of images that are stored as bfloat16, and both their gradients. */
export function markTiles(operations: readonly Draft[], values: ReadonlyMap<string, DraftValue>): Draft[] {
  return operations.map(operation => {
    const [images, , outputs] = convolved(operation, values) ?? []
    if (images?.precision !== 'bfloat16' || outputs?.precision !== 'bfloat16') return operation
    return { ...operation, numbers: { ...operation.numbers, tiles: [1] } }
  })
}
