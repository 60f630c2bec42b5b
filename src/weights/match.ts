/** Matches the entries of a file to what a network expects, as load_state_dict does. */
import { RegraftError } from '../base/errors.js'
import { printable } from './printable.js'
import type { StateDict, StateTensor } from './stateDict.js'

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
        `  ${title}: ${lines.slice(0, shown).map(printable).join(', ')}${lines.length > shown ? `, and ${lines.length - shown} more` : ''}`,
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
  const head = [...expected].filter(([name]) => optional(name))
  if (how === 'order') return inOrder(required, head, entries, file)
  const own = new Map<string, StateTensor>()
  const unexpected: string[] = []
  for (const [name, tensor] of entries) {
    const target = expected.has(name) ? name : (translate(name) ?? name)
    // Of two entries for one place the one with the network's own name counts.
    if (expected.has(target) && (target === name || !(own.has(target) || state.has(target)))) own.set(target, tensor)
    else if (!optional(target)) unexpected.push(name)
  }
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
  if (missing.length + wrongShape.length + unexpected.length === 0) return found
  throw new RegraftError(
    'weights',
    [
      `${file} does not fit the network:`,
      ...list('missing', missing),
      ...list('unexpected', unexpected),
      ...list('of another shape', wrongShape),
      firstMisfit(required, entries) === undefined
        ? 'Every shape agrees in order, though: if it is the same network in another naming, pass --match order'
        : 'Pass another --network, or weights of this one',
    ].join('\n'),
  )
}

type Expected = readonly (readonly [string, readonly number[]])[]
type Entries = readonly (readonly [string, StateTensor])[]

/** The first place where the shapes disagree in order. Up to two entries may follow: they can only be the file's own head. */
function firstMisfit(required: Expected, entries: Entries): number | undefined {
  const at = required.findIndex(([, shape], i) => !entries[i] || !same(shape, entries[i][1].shape))
  if (at >= 0) return at
  return entries.length > required.length + 2 ? required.length : undefined
}

function inOrder(required: Expected, head: Expected, entries: Entries, file: string): Map<string, Float32Array> {
  const at = firstMisfit(required, entries)
  if (at !== undefined) {
    const describe = (pair: readonly [string, readonly number[]] | undefined) =>
      pair ? `'${printable(pair[0])}' ${size(pair[1])}` : 'none'
    const entry = entries[at]
    throw new RegraftError(
      'weights',
      `${file} cannot be matched in order: its entry ${at + 1} is ${describe(entry && [entry[0], entry[1].shape])}, the network's is ${describe(required[at])}. Pass another --network, or weights of this one`,
    )
  }
  // The head stands last in every network, and is taken where it fits.
  const places = [...required, ...head].map(([name, shape], i) => ({ name, shape, tensor: entries[i]?.[1] }))
  return new Map(
    places.flatMap(({ name, shape, tensor }) =>
      tensor && same(tensor.shape, shape) ? [[name, tensor.values] as const] : [],
    ),
  )
}
