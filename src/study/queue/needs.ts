/** What the trials of a study need of a worker: an engine, cores, memory; and whether a worker has that. */

import { bytes, bytesOf } from '../../base/bytes.js'
import { chooseEngine, totalBytes } from '../../engines/index.js'
import type { Network } from '../../models/index.js'
import { checkOptions } from '../../training/index.js'
import { compileOptions, stepGraph, trainingGraphs } from '../../training/session.js'
import { cellOptions } from '../plan.js'
import type { StudyCell, StudyRecord } from '../record.js'
import type { Card, Needs } from './messages.js'

/** What a trial's process holds beside its step: Node, images that wait, the engine itself. */
const beside = 512 * 1024 ** 2

/** Memory is rounded up, so that trials that need nearly the same share a queue. */
const rounded = (amount: number): number => 2 ** Math.ceil(Math.log2(amount))

/**
 * What each cell needs.
 * @param networkOf the network that options name
 */
export async function needsOf(
  record: StudyRecord,
  classes: number,
  networkOf: (cell: StudyCell) => Promise<Network | undefined>,
): Promise<Needs[]> {
  const known = new Map<string, Needs>()
  const all: Needs[] = []
  for (const cell of record.cells) {
    const options = checkOptions(cellOptions(record.base, cell.settings, record.scaleEpochs))
    const { seed: _, epochs: __, lrHead: ___, ...rest } = options
    const key = JSON.stringify({ ...rest, lrBackbone: options.lrBackbone > 0 })
    const { engine, threads = 0 } = options
    let needs = known.get(key)
    if (!needs) {
      const network = await networkOf(cell)
      needs = { engine, cores: threads, memory: rounded(beside + (network ? stepBytes(network, options, classes) : 0)) }
      known.set(key, needs)
    }
    all.push(needs)
  }
  return all
}

/** Bytes of a training step; 0 where this machine cannot tell. */
function stepBytes(network: Network, options: ReturnType<typeof checkOptions>, classes: number): number {
  try {
    const size = options.size ?? network.preprocessing.size
    const graphs = trainingGraphs(network, options, classes, size, options.augment === 'none')
    const graph = stepGraph(network, graphs, options)
    const engine = chooseEngine(options.engine, graph, options.precision)
    const whole = totalBytes(engine.memory(graph, compileOptions(options)))
    return options.memory === undefined ? whole : Math.min(whole, bytesOf(options.memory))
  } catch {
    // What is wrong with it the trial itself will say
    return 0
  }
}

/** What a worker lacks for a trial, in words; undefined where it has everything. */
export function lacking(
  needs: Needs,
  has: Pick<Card, 'engines' | 'cores' | 'memory' | 'concurrency'>,
): string | undefined {
  const cores = Math.max(1, Math.floor(has.cores / has.concurrency))
  const memory = has.memory / has.concurrency
  if (needs.engine !== 'auto' && !has.engines.includes(needs.engine)) return `the engine ${needs.engine}`
  if (needs.cores > cores) return `${needs.cores} cores for a trial (it has ${cores})`
  if (needs.memory > memory) return `${bytes(needs.memory)} of memory for a trial (it has ${bytes(memory)})`
  return undefined
}
