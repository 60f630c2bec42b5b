/** Makes a training step fit into memory: activations that do not are computed a second time. */
import { bytes, bytesOf } from '../base/bytes.js'
import { RegraftError } from '../base/errors.js'
import { freeMemory } from '../base/machine.js'
import { type CompileOptions, type Engine, type MemoryPlan, totalBytes, wouldFit } from '../engines/index.js'
import { type Graph, recomputations } from '../graph/index.js'

interface Fitted {
  /** Gives the same bits as the step that was given. */
  readonly graph: Graph
  /** Where activations are computed again: what that saves and costs, in a sentence. */
  readonly note?: string
}

/**
 * The training step with as little computed again as its memory allows.
 * @param memory what it may take, like '4GB'; default: what is free, or anything on a GPU with memory of its own
 * @throws RegraftError('training') where not even the least fits, with a batch size that would
 */
export function fitToMemory(engine: Engine, graph: Graph, options: CompileOptions, memory?: string): Fitted {
  // Where the memory is a device's own, that says itself when it is full
  const free = engine.besideMemory ? Number.POSITIVE_INFINITY : freeMemory()
  const allowed = memory === undefined ? Number.POSITIVE_INFINITY : bytesOf(memory)
  const budget = Math.min(allowed, 0.95 * free)
  const needed = totalBytes(engine.memory(graph, options))
  if (needed <= budget) return { graph }
  let least: MemoryPlan | undefined
  for (const { graph: smaller, extra } of recomputations(graph).slice(1)) {
    const plan = engine.memory(smaller, options)
    if (totalBytes(plan) <= budget)
      return {
        graph: smaller,
        note: `recomputing activations: ${bytes(totalBytes(plan))} instead of ${bytes(needed)}, ${(100 * extra).toFixed(0)} % more arithmetic in each step`,
      }
    if (!least || totalBytes(plan) < totalBytes(least)) least = plan
  }
  const plan = least ?? engine.memory(graph, options)
  throw new RegraftError(
    'training',
    `this needs ${bytes(totalBytes(plan))} of memory even if activations are recomputed, and ${
      allowed < free ? `--memory allows ${bytes(allowed)}` : `${bytes(free)} are free`
    }; ${wouldFit(graph, plan, budget)}`,
  )
}
