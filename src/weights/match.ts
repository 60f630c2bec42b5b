/** Matches the entries of a file to what a network expects, as load_state_dict does. */
import { RegraftError } from '../base/errors.js'
import type { StateDict } from './stateDict.js'

export interface MatchOptions {
  /** By name, or in order where every shape agrees. */
  readonly how: 'name' | 'order'
  /** The network's name for a name in another naming, where that is known. */
  readonly translate?: (name: string) => string | undefined
  /** Entries that may be missing or have another shape: the old head, which is replaced. */
  readonly optional?: (name: string) => boolean
  /** Named in errors. */
  readonly file: string
}

const shown = 10
const list = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0
    ? []
    : [
        `  ${title}: ${lines.slice(0, shown).join(', ')}${lines.length > shown ? `, and ${lines.length - shown} more` : ''}`,
      ]
const size = (shape: readonly number[]) => `[${shape.join(', ')}]`
const same = (a: readonly number[], b: readonly number[]) => a.join() === b.join()

/**
 * @param expected names and shapes of parameters and statistics, in the network's order
 * @returns the values by the network's names; optional entries only where their shape agrees
 * @throws RegraftError('weights') that lists what is missing, unexpected, or of another shape
 */
export function matchWeights(
  expected: ReadonlyMap<string, readonly number[]>,
  state: StateDict,
  options: MatchOptions,
): Map<string, Float32Array> {
  const { how, translate = () => undefined, optional = () => false, file } = options
  const entries = [...state].filter(([name, { integer }]) => !integer && !name.endsWith('num_batches_tracked'))
  const required = [...expected].filter(([name]) => !optional(name))
  if (how === 'order') return inOrder(required, entries, file)
  const own = new Map(entries.map(([name, tensor]) => [expected.has(name) ? name : (translate(name) ?? name), tensor]))
  const found = new Map<string, Float32Array>()
  const missing: string[] = []
  const wrongShape: string[] = []
  for (const [name, shape] of expected) {
    const tensor = own.get(name)
    if (tensor && same(tensor.shape, shape)) found.set(name, tensor.values)
    else if (!optional(name))
      if (tensor) wrongShape.push(`${name} (${size(tensor.shape)} instead of ${size(shape)})`)
      else missing.push(name)
  }
  const unexpected = [...own.keys()].filter(name => !expected.has(name) && !optional(name))
  if (missing.length + wrongShape.length + unexpected.length === 0) return found
  const fitsInOrder = fits(required, entries)
  throw new RegraftError(
    'weights',
    [
      `${file} does not fit the network:`,
      ...list('missing', missing),
      ...list('unexpected', unexpected),
      ...list('of another shape', wrongShape),
      fitsInOrder
        ? 'Every shape agrees in order, though: if it is the same network in another naming, pass --match order'
        : 'Pass another --network, or weights of this one',
    ].join('\n'),
  )
}

type Entries = readonly [string, { readonly shape: readonly number[]; readonly values: Float32Array }][]

/** Whether the first entries have the required shapes in order; what follows can only be a head. */
function fits(required: readonly [string, readonly number[]][], entries: Entries): boolean {
  return (
    entries.length >= required.length &&
    entries.length <= required.length + 2 &&
    required.every(([, shape], i) => same(shape, entries[i]![1].shape))
  )
}

function inOrder(
  required: readonly [string, readonly number[]][],
  entries: Entries,
  file: string,
): Map<string, Float32Array> {
  if (!fits(required, entries)) {
    const at = required.findIndex(([, shape], i) => !entries[i] || !same(shape, entries[i][1].shape))
    const [name, shape] = required[Math.max(at, 0)] ?? ['', []]
    const other = entries[at]
    throw new RegraftError(
      'weights',
      at < 0
        ? `${file} has ${entries.length} entries, the network takes ${required.length}: they cannot be matched in order`
        : `${file} cannot be matched in order: entry ${at + 1} is ${other ? `${other[0]} ${size(other[1].shape)}` : 'missing'}, the network has ${name} ${size(shape)} there`,
    )
  }
  return new Map(required.map(([name], i) => [name, entries[i]![1].values]))
}
