/** Finds which network the entries of a file belong to: below which prefix, in which naming, and what is left aside. */
import type { Shape } from '../graph/index.js'
import { type Naming, translated } from './namings.js'
import { belongsTo, type Network, networkGraph } from './network.js'
import { stateShapes } from './stateShapes.js'

/** A trunk that stands whole in a file. */
export interface Recognised {
  readonly network: Network
  /** What stands before every name of it, with the dot at its end; empty where nothing does. */
  readonly prefix: string
  /** The file's name of each entry that is the network's, by the network's name; the head's too, where it is there. */
  readonly names: ReadonlyMap<string, string>
  /** Entries of the file that are not the network's. */
  readonly aside: readonly string[]
  /** Prefixes, without their dot, below which the same file holds other trunks that could have been taken. */
  readonly others?: readonly string[]
}

/** Prefixes that are looked at: no program nests deeper, and no file has more parts that are as large as a trunk. */
const deepest = 6
const mostPrefixes = 64
/** The smallest trunk here has more entries. */
const fewestEntries = 60

/** Of two trunks in one file, the one that is meant to be used: MoCo's query encoder, DINO's teacher, averages of weights. */
const preferred = /(^|\.)(encoder_q|teacher|ema|model_ema|ema_model|state_dict_ema)\./

/**
 * Every place where the trunk of one of `networks` stands whole in a file, the one to take first: the whole file, then
 * what authors use themselves (MoCo's `encoder_q`, DINO's `teacher`, an average of weights), then the file's order.
 * @param entries names and shapes of the file, counters left out
 */
export function recognise(entries: ReadonlyMap<string, Shape>, networks: readonly Network[]): Recognised[] {
  const found = prefixesOf(entries).flatMap(prefix => {
    const inner = [...entries].filter(([name]) => name.startsWith(prefix))
    const shapes = new Set(inner.map(([, shape]) => shape.join()))
    const possible = networks.filter(network => [...trunkOf(network).values()].every(shape => shapes.has(shape.join())))
    return possible.flatMap(network => at(prefix, inner, entries, network) ?? [])
  })
  const rank = ({ prefix }: Recognised) => (prefix === '' ? 0 : preferred.test(prefix) ? 1 : 2)
  return found.sort((a, b) => rank(a) - rank(b))
}

/** Every prefix below which there is enough for a trunk. */
function prefixesOf(entries: ReadonlyMap<string, Shape>): string[] {
  const counts = new Map<string, number>([['', entries.size]])
  for (const name of entries.keys()) {
    let end = -1
    for (let depth = 0; depth < deepest; depth++) {
      end = name.indexOf('.', end + 1)
      if (end < 0) break
      const prefix = name.slice(0, end + 1)
      counts.set(prefix, (counts.get(prefix) ?? 0) + 1)
    }
  }
  const large = [...counts].filter(([, count]) => count >= fewestEntries)
  return large.slice(0, mostPrefixes).map(([prefix]) => prefix)
}

/** The trunk of a network below a prefix, in whichever of its namings it stands there whole. */
function at(
  prefix: string,
  inner: readonly (readonly [string, Shape])[],
  entries: ReadonlyMap<string, Shape>,
  network: Network,
): Recognised | undefined {
  for (const naming of network.namings ?? [[]]) {
    const names = fit(prefix, inner, network, naming)
    if (!names) continue
    const used = new Set(names.values())
    return { network, prefix, names, aside: [...entries.keys()].filter(name => !used.has(name)) }
  }
  return undefined
}

/** The file's names by the network's, or undefined where the trunk is not whole or is one of another network. */
function fit(
  prefix: string,
  inner: readonly (readonly [string, Shape])[],
  network: Network,
  naming: Naming,
): Map<string, string> | undefined {
  const trunk = trunkOf(network)
  if (inner.length < trunk.size) return undefined
  const names = new Map<string, string>()
  const parts = new Set<string>()
  const extra: string[] = []
  for (const [name, shape] of inner) {
    const plain = name.slice(prefix.length)
    const own = translated(plain, naming) ?? network.translate?.(plain) ?? plain
    const expected = trunk.get(own)
    if (expected && expected.join() === shape.join() && !names.has(own)) {
      names.set(own, name)
      parts.add(firstPart(plain))
    } else if (belongsTo(own, network.head) && !names.has(own)) names.set(own, name)
    else extra.push(firstPart(plain))
  }
  const whole = [...trunk.keys()].every(name => names.has(name))
  // More blocks in a stage, or another layer in a block, are another network; a part of its own is only aside.
  return whole && !extra.some(part => parts.has(part)) ? names : undefined
}

const firstPart = (name: string) => name.slice(0, name.indexOf('.') + 1)

const trunks = new WeakMap<Network, ReadonlyMap<string, Shape>>()

/** Names and shapes of everything before the head. */
function trunkOf(network: Network): ReadonlyMap<string, Shape> {
  let trunk = trunks.get(network)
  if (!trunk) {
    const all = stateShapes(networkGraph(network, { classes: 1, batch: 1, size: 64 }))
    trunk = new Map([...all].filter(([name]) => !belongsTo(name, network.head)))
    trunks.set(network, trunk)
  }
  return trunk
}
