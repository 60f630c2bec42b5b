/** How far the runs of a study are, from their folders, which alone are the truth; and a record with what is new. */
import { join } from 'node:path'
import {
  bestOf,
  type EpochRecord,
  type RunResult,
  readHistory,
  readResult,
  type TrainingOptions,
  withInterval,
} from '../training/index.js'
import type { TrialProgress } from './halving.js'
import { cellOptions } from './plan.js'
import type { StudyRecord, StudyRun } from './record.js'

/** A run by its cell and its seed, both counted from 0. */
export interface Place {
  readonly cell: number
  readonly run: number
}

/** What a run reached so far, as the record keeps it. */
export async function reached(folder: string): Promise<Partial<StudyRun>> {
  const [history, result] = await Promise.all([readHistory(folder), readResult(folder)])
  const best = bestOf(history)
  // A finished run says what its shipped weights reach.
  const validation = result?.validation ?? (best?.validation && withInterval(best.validation))
  return {
    epochs: history.length,
    ...(best ? { bestEpoch: best.epoch } : {}),
    ...(validation ? { validation } : {}),
    ...(result?.test ? { test: result.test } : {}),
    ...twinsOf(result),
    seconds: result?.seconds.total ?? history.reduce((sum, epoch) => sum + epoch.seconds, 0),
  }
}

function twinsOf(result: RunResult | undefined): Pick<StudyRun, 'twins'> {
  if (!result?.across || result.across.test === 0) return {}
  const { test, without } = result.across
  return { twins: { test, ...(without ? { without } : {}) } }
}

/** The options of one run of a study; all runs share the split of the first seed. */
export function optionsOf(record: StudyRecord, { cell, run }: Place): TrainingOptions {
  const { settings, runs } = record.cells[cell]!
  return {
    ...cellOptions(record.base, settings, record.scaleEpochs),
    seed: runs[run]!.seed,
    splitSeed: record.seeds[0],
  }
}

/** The record in which one run has changed. */
export function withNews(record: StudyRecord, { cell, run }: Place, news: Partial<StudyRun>): StudyRecord {
  const replaced = <T>(items: readonly T[], at: number, by: (item: T) => T) =>
    items.map((item, i) => (i === at ? by(item) : item))
  return {
    ...record,
    cells: replaced(record.cells, cell, one => ({
      ...one,
      runs: replaced(one.runs, run, old => ({ ...old, ...news })),
    })),
  }
}

/** Best validation accuracy after each epoch. */
const bestSoFar = (history: readonly EpochRecord[]): number[] => {
  let best = 0
  return history.map(({ validation }) => {
    best = Math.max(best, validation?.top1 ?? 0)
    return best
  })
}

/** How far a trial of successive halving is. @param epochs of a trial that goes all the way */
export async function trialProgress(
  folder: string,
  { folder: name, state }: StudyRun,
  epochs: number,
): Promise<TrialProgress> {
  const path = join(folder, name)
  const best = bestSoFar(await readHistory(path))
  const finished = (await readResult(path)) !== undefined
  return { epochs: finished ? epochs : Math.min(best.length, epochs - 1), best, failed: state === 'failed' }
}
