/** Fine-tunes a network on images, and resumes a run that was interrupted. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Dataset, openDataset } from '../data/index.js'
import type { Finished } from './execute.js'
import { checkOptions, type TrainingOptions } from './options.js'
import { readConfig, readHistory, readResult, resultFile } from './runFolder.js'
import { begin, goOn, type Harmless, type Hooks } from './setUp.js'

/** Where the same run from random weights stands, which `compareScratch` adds. */
export const scratchOf = (run: string): string => join(run, 'scratch')

/**
 * Fine-tunes a pretrained network on a data set and writes a run folder.
 * @param data from `imageFolder`, for instance
 * @returns the folder, its configuration and the results; accuracies are fractions from 0 to 1
 * @throws RegraftError with a message that says what to do: bad options, images or weights, a loss that diverges
 */
export async function train(data: Dataset, options: TrainingOptions = {}, hooks: Hooks = {}): Promise<Finished> {
  const finished = await begin(data, options, hooks)
  await compareScratch(finished, data, hooks)
  return finished
}

/**
 * Goes on with an interrupted run, to the same numbers as if it had never stopped.
 * @param run the run folder
 * @param changes the memory that it may take from here on
 * @throws RegraftError where there is no run, it has finished, or its images or weights have changed
 */
export async function resume(run: string, hooks: Hooks = {}, changes: Harmless = {}): Promise<Finished> {
  checkOptions(changes)
  const config = await readConfig(run)
  const { options, data } = config
  const scratchWaits = options.compareScratch && !existsSync(resultFile(scratchOf(run)))
  const result = scratchWaits ? await readResult(run) : undefined
  const finished = result ? { run, config, history: await readHistory(run), result } : await goOn(run, hooks, changes)
  if (scratchWaits) await compareScratch(finished, await openDataset(data, options), hooks, changes)
  return finished
}

/** The same network with the same settings from random weights, where the options ask for it. */
async function compareScratch(
  { run, config }: Finished,
  data: Dataset,
  hooks: Hooks,
  changes: Harmless = {},
): Promise<void> {
  if (!config.options.compareScratch) return
  const folder = scratchOf(run)
  const { l2Sp: _, ...fromScratch } = config.options
  if (existsSync(join(folder, 'config.json'))) await goOn(folder, hooks, changes)
  else
    await begin(
      data,
      { ...fromScratch, ...changes, network: config.network, weights: 'none', compareScratch: false, run: folder },
      hooks,
    )
}
