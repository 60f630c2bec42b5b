/** The trunk that is meant in a file that holds more, or names it otherwise: below a prefix, beside others, with parts of its own. */
import { basename } from 'node:path'
import { RegraftError } from '../base/errors.js'
import type { Shape } from '../graph/index.js'
import { belongsTo, type Network, networks, type Recognised, recognise } from '../models/index.js'
import type { StateDict } from '../weights/index.js'

/**
 * @param owner the network that was asked for, or any
 * @param prefix the trunk that was asked for; else the first that `recognise` gives
 * @throws RegraftError('weights') where nothing stands below the prefix that was asked for
 */
export function chooseTrunk(
  entries: ReadonlyMap<string, Shape>,
  owner: Network | undefined,
  prefix: string | undefined,
  file: string,
): Recognised | undefined {
  const found = recognise(entries, owner ? [owner] : networks)
  if (prefix === undefined) {
    const [first] = found
    return first && { ...first, others: otherPrefixes(found, first.prefix) }
  }
  const wanted = prefix === '' || prefix.endsWith('.') ? prefix : `${prefix}.`
  const chosen = found.find(trunk => trunk.prefix === wanted)
  if (chosen) return { ...chosen, others: otherPrefixes(found, wanted) }
  const there = otherPrefixes(found, wanted)
  throw new RegraftError(
    'weights',
    `${file} holds no whole trunk below '${prefix}'; ${there.length > 0 ? `--weights-prefix may be: ${there.join(', ')}` : 'it holds none at all that is known here'}`,
  )
}

const otherPrefixes = (found: readonly Recognised[], chosen: string) => [
  ...new Set(found.flatMap(({ prefix }) => (prefix === chosen || prefix === '' ? [] : [prefix.slice(0, -1)]))),
]

/** The trunk's entries by the network's own names. Outputs before the first class are cut off where that makes the head fit. */
export function ownState(tensors: StateDict, trunk: Recognised, classes: number): StateDict {
  const { network, names } = trunk
  const extra = network.leadingOutputs ?? 0
  return new Map(
    [...names].flatMap(([own, name]) => {
      const tensor = tensors.get(name)
      if (!tensor) return []
      const [outputs = 0, ...rest] = tensor.shape
      if (!extra || !belongsTo(own, network.head) || outputs !== classes + extra) return [[own, tensor] as const]
      const values = tensor.values.subarray((tensor.values.length / outputs) * extra)
      return [[own, { ...tensor, shape: [classes, ...rest], values }] as const]
    }),
  )
}

const shown = 4

/** A line for a file of which only a part is used; undefined where everything is. */
export function whatWasTaken(trunk: Recognised, file: string): string | undefined {
  const { network, prefix, names, aside, others = [] } = trunk
  if (prefix === '' && aside.length === 0) return undefined
  const parts = [...new Set(aside.map(name => partOf(name, prefix)))]
  const more = parts.length > shown ? ', …' : ''
  const left = aside.length > 0 ? `; left aside: ${aside.length} (${parts.slice(0, shown).join(', ')}${more})` : ''
  const choice = others.length > 0 ? `. --weights-prefix takes another: ${others.join(', ')}` : ''
  const below = prefix === '' ? '' : ` below '${prefix.slice(0, -1)}'`
  return `${basename(file)}: ${names.size} entries${below} are ${network.name}${left}${choice}`
}

/** The part of a file that an entry belongs to: as much of its name as the prefix is deep, and one more where they agree. */
function partOf(name: string, prefix: string): string {
  const inside = name.startsWith(prefix) ? prefix : ''
  const [first = ''] = name.slice(inside.length).split('.')
  return `${inside}${first}`
}
