/** One trial of a study: a run that is begun or gone on with, up to an epoch or to its end, and what became of it. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { RegraftError } from '../base/errors.js'
import type { Dataset } from '../data/index.js'
import { type Hooks, type Listener, readHistory, resume, type TrainingOptions, train } from '../training/index.js'

/** `stopped`: it waits at the epoch that it was to reach. */
export type Ending =
  | { readonly state: 'done' }
  | { readonly state: 'stopped' }
  | { readonly state: 'failed'; readonly reason: string }

/** Errors that concern one configuration; others would meet every run. */
const ownFault = (error: unknown): error is RegraftError =>
  error instanceof RegraftError && ['training', 'engine', 'usage', 'network'].includes(error.code)

/**
 * Trains a run until it has so many epochs, or all.
 * @param options with the run's folder
 * @throws RegraftError('interrupted') after the hooks' signal; or what concerns every run (images, weights, the disk)
 */
export async function runTrial(
  dataset: Dataset,
  options: TrainingOptions & { readonly run: string },
  until: number | undefined,
  hooks: Hooks,
): Promise<Ending> {
  const { run } = options
  // Whoever trained it before may have been lost after the last epoch and before it could say so.
  if (until !== undefined && (await readHistory(run)).length >= until) return { state: 'stopped' }
  const pause = new AbortController()
  const onEvent: Listener = event => {
    hooks.onEvent?.(event)
    if (event.type === 'epoch' && until !== undefined && event.record.epoch >= until) pause.abort()
  }
  const signal = hooks.signal ? AbortSignal.any([hooks.signal, pause.signal]) : pause.signal
  try {
    if (!existsSync(join(run, 'result.json'))) {
      if (existsSync(join(run, 'config.json'))) await resume(run, { ...hooks, onEvent, signal })
      else await train(dataset, options, { ...hooks, onEvent, signal })
    }
    return { state: 'done' }
  } catch (error) {
    const paused = error instanceof RegraftError && error.code === 'interrupted'
    if (paused && pause.signal.aborted && !hooks.signal?.aborted) return { state: 'stopped' }
    if (ownFault(error)) return { state: 'failed', reason: error.message }
    throw error
  }
}
