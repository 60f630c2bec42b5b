/** Runs side by side: what lies in a folder of runs, and the settings in which they differ. */
import { existsSync, statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { RegraftError } from '../base/errors.js'
import { bestOf } from './fit.js'
import { type EpochRecord, type RunConfig, type RunResult, readConfig, readHistory, readResult } from './runFolder.js'

/** A run as its folder tells it; `result` is there once it has finished. */
export interface RunSummary {
  readonly run: string
  readonly config: RunConfig
  readonly history: readonly EpochRecord[]
  readonly best?: EpochRecord | undefined
  readonly result?: RunResult | undefined
}

/** @throws RegraftError('run') where the folder holds no run, or a damaged one */
export async function readRun(run: string): Promise<RunSummary> {
  const [config, history, result] = await Promise.all([readConfig(run), readHistory(run), readResult(run)])
  return { run, config, history, best: bestOf(history), result }
}

/** The folders that hold a run: the folder itself, or those below it, down to `depth` levels; sorted by path. */
async function runFolders(folder: string, depth: number): Promise<string[]> {
  if (existsSync(join(folder, 'config.json'))) return [folder]
  if (depth === 0) return []
  // What cannot be listed holds no run of anyone's
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const below = await Promise.all(
    entries.filter(entry => entry.isDirectory()).map(({ name }) => runFolders(join(folder, name), depth - 1)),
  )
  return below.flat().sort()
}

/**
 * Every run in a folder of runs, those of studies included, and what is wrong with those that cannot be read.
 * @throws RegraftError('run') where there is no such folder
 */
export async function findRuns(folder: string): Promise<{ runs: RunSummary[]; damaged: RegraftError[] }> {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw new RegraftError('run', `there is no folder ${folder}; name the folder that holds your runs`)
  const runs: RunSummary[] = []
  const damaged: RegraftError[] = []
  for (const run of await runFolders(folder, 3))
    try {
      runs.push(await readRun(run))
    } catch (error) {
      if (!(error instanceof RegraftError)) throw error
      damaged.push(error)
    }
  return { runs, damaged }
}

/** A setting as text; what is not set is empty. */
const text = (value: unknown): string =>
  value === undefined ? '' : Array.isArray(value) ? value.join(',') : String(value)

/** Settings that are not the same in all runs, without what follows from others: option name → one text for each run. */
export function differingSettings(runs: readonly RunSummary[]): Map<string, string[]> {
  const settings = runs.map(({ config }): Record<string, unknown> => {
    const { run: _, threads: __, saveEvery: ___, ...options } = config.options
    return {
      data: config.data,
      ...options,
      network: config.network,
      engine: config.environment.engine,
    }
  })
  const names = [...new Set(settings.flatMap(one => Object.keys(one)))]
  return new Map(
    names
      .map((name): [string, string[]] => [name, settings.map(one => text(one[name]))])
      .filter(([, values]) => new Set(values).size > 1),
  )
}
