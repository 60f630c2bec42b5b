/** Which convolutions are products of tiles: the dense ones of bfloat16, where the CPU has AMX. */
import { convolved, convolvedBy } from './convolved.js'
import type { Draft, DraftValue } from './draft.js'

/** Numbers of bfloat16 in a row of a tile. */
const depth = 32

/** Whether a convolution reads pictures as they come, and all that a row of its kernel sees fits a row of a tile. */
function seesPictures(operation: Draft, values: ReadonlyMap<string, DraftValue>): boolean {
  const [pictures, weights, outputs] = convolvedBy(operation).map(name => values.get(name ?? ''))
  if (pictures?.layout !== 'plain' || pictures.precision !== 'bfloat16' || outputs?.layout !== 'blocked') return false
  const [, channels = 0, , taps = 0] = weights?.dims ?? []
  // Weights for gray pictures are kept without padding, as depthwise ones are.
  return operation.numbers.groups?.[0] === 1 && channels > 1 && channels * taps <= depth
}

/** Marks dense convolutions of images that are stored as bfloat16, and both their gradients. */
export function markTiles(operations: readonly Draft[], values: ReadonlyMap<string, DraftValue>): Draft[] {
  return operations.map(operation => {
    const [images, , outputs] = convolved(operation, values) ?? []
    const blocks = images?.precision === 'bfloat16' && outputs?.precision === 'bfloat16'
    if (!blocks && !seesPictures(operation, values)) return operation
    return { ...operation, numbers: { ...operation.numbers, tiles: [1] } }
  })
}
