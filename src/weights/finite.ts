/** Refuses weights that are no numbers, and variances below 0: a network that has one gives nothing but NaN. */
import { RegraftError } from '../base/errors.js'
import { printable } from './printable.js'
import type { StateDict } from './stateDict.js'

const shown = 3

/**
 * The one place where the tensors of somebody's file are looked through; counters are left out.
 * @param names the entries that are used; what is left aside may hold anything
 * @throws RegraftError('weights') that names the tensors and how many of their values are NaN, infinite, or a negative variance
 */
export function assertFinite(tensors: StateDict, names: Iterable<string>, file: string): void {
  const bad: string[] = []
  for (const name of names) {
    const tensor = tensors.get(name)
    if (!tensor || tensor.integer) continue
    const variance = name.endsWith('running_var')
    let [nan, infinite, negative] = [0, 0, 0]
    for (const value of tensor.values)
      if (Number.isNaN(value)) nan++
      else if (!Number.isFinite(value)) infinite++
      else if (variance && value < 0) negative++
    if (nan + infinite + negative === 0) continue
    const kinds = [
      nan > 0 ? `${nan} NaN` : '',
      infinite > 0 ? `${infinite} infinite` : '',
      negative > 0 ? `${negative} negative` : '',
    ].filter(Boolean)
    bad.push(`'${printable(name)}' has ${kinds.join(' and ')} of ${tensor.values.length} values`)
  }
  if (bad.length === 0) return
  const more = bad.length > shown ? `; and ${bad.length - shown} more tensors` : ''
  throw new RegraftError(
    'weights',
    `${file} is no use as it is: ${bad.slice(0, shown).join('; ')}${more}. Its training has diverged, or the file is damaged; take an earlier checkpoint, or get it again`,
  )
}
