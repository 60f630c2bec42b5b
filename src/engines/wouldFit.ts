/** What a person can do about a program that does not fit into memory. */
import { type Graph, valuesOf } from '../graph/index.js'
import type { MemoryPlan } from './engine.js'

/**
 * The batch size with which a graph's program fits, or what else makes it smaller, in words for the end of a sentence.
 * Activations grow with the batch, though not quite evenly (a twentieth is kept back for that); nothing else does.
 * @param memory what the program needs as it is
 * @param budget bytes that it may take
 */
export function wouldFit(graph: Graph, memory: MemoryPlan, budget: number): string {
  const batch = valuesOf(graph, 'input')[0]?.shape[0] ?? 1
  const { parameters, state, activations, workspace } = memory
  const fits = Math.floor((batch * (0.95 * budget - parameters - state - workspace)) / activations)
  return fits > 0 ? `--batch-size ${fits} would fit` : 'a smaller network or --size would fit'
}
