/** Finds the weights in what a PyTorch file holds: a dictionary of tensors, or a checkpoint around one. */

import { checkNames } from './bounds.js'
import type { PickleValue } from './pickleMachine.js'
import { printable } from './printable.js'
import { TensorView, wrong } from './torchTensor.js'

/** Keys under which training programs nest the weights; the first that is there is taken. */
const nests = [
  'state_dict',
  'model_state_dict',
  'model_state',
  'model',
  'net',
  'network',
  'params',
  'weights',
  'module',
  'ema',
  'state_dict_ema',
  'model_ema',
]
/** Of these, what holds averages of the weights in another: both are given, each below its key. */
const averages = ['ema', 'state_dict_ema', 'model_ema']
/** No program nests deeper than this. */
const deepest = 4

/** Entries of dictionaries side by side: far more than there are of weights. */
const mostLooked = 1_000_000

/** What DataParallel and torch.compile put before every name. */
const prefixes = ['module.', '_orig_mod.']

/** The tensors by name, in the file's order, without a prefix that all of them share. @throws RegraftError('weights') */
export function stateOf(root: PickleValue): Map<string, TensorView> {
  const found = tensorsOf(root, deepest)
  checkNames(found.keys())
  return withoutPrefixes(found)
}

function tensorsOf(value: PickleValue, depth: number): Map<string, TensorView> {
  if (!(value instanceof Map)) throw wrong(`it holds ${describe(value)}, not a dictionary of weights`)
  for (const key of nests) {
    const inner = value.get(key)
    if (depth === 0 || !(inner instanceof Map) || inner.size === 0) continue
    const average = averages.find(other => other !== key && tensorsIn(value.get(other)).size > 0)
    const own = tensorsOf(inner, depth - 1)
    return average === undefined ? own : new Map([...below(key, own), ...below(average, tensorsIn(value.get(average)))])
  }
  const found = tensorsIn(value)
  if (found.size > 0) return found
  const beside = sideBySide(value)
  if (beside.size > 0) return beside
  const keys = [...value.keys()].filter(key => typeof key === 'string').map(key => `'${printable(key)}'`)
  throw wrong(
    keys.length === 0
      ? 'it holds an empty dictionary, no weights'
      : `it holds no weights where programs put them ('state_dict', 'model' and the like); its keys are ${keys.slice(0, 10).join(', ')}${keys.length > 10 ? ', …' : ''}`,
  )
}

/** The tensors that stand in a dictionary itself. */
const tensorsIn = (value: PickleValue | undefined): Map<string, TensorView> =>
  new Map(
    [...(value instanceof Map ? value : [])].filter(
      (entry): entry is [string, TensorView] => typeof entry[0] === 'string' && entry[1] instanceof TensorView,
    ),
  )

const below = (key: string, entries: ReadonlyMap<string, TensorView>) =>
  new Map([...entries].map(([name, view]) => [`${key}.${name}`, view] as const))

/** Several dictionaries of tensors in one, as DINO's checkpoints have `student` and `teacher`: each below its key. */
function sideBySide(value: ReadonlyMap<PickleValue, PickleValue>): Map<string, TensorView> {
  const found = new Map<string, TensorView>()
  // A pickle may refer to one dictionary any number of times.
  let looked = 0
  for (const inner of value.values()) looked += inner instanceof Map ? inner.size : 0
  if (looked > mostLooked) throw wrong('its dictionaries are larger than those of any network')
  for (const [key, inner] of value)
    if (typeof key === 'string') for (const [name, tensor] of below(key, tensorsIn(inner))) found.set(name, tensor)
  return found
}

function describe(value: PickleValue): string {
  if (value instanceof TensorView) return `a single tensor [${value.shape.join(', ')}]`
  return Array.isArray(value) ? 'a list' : 'a single value'
}

function withoutPrefixes(entries: Map<string, TensorView>): Map<string, TensorView> {
  const prefix = prefixes.find(start => [...entries.keys()].every(name => name.startsWith(start)))
  if (prefix === undefined) return entries
  return withoutPrefixes(new Map([...entries].map(([name, view]) => [name.slice(prefix.length), view])))
}
