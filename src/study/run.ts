/** Runs a study: one run after another, recorded after each, so that it goes on where it stopped. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { RegraftError } from '../base/errors.js'
import { createImageStore, type Dataset } from '../data/index.js'
import {
  bestOf,
  type EpochRecord,
  type Listener,
  readHistory,
  readResult,
  resume,
  train,
  withInterval,
} from '../training/index.js'
import { featuresOf, readStudyRecord, writeStudy } from './folder.js'
import { nextTrial, type TrialProgress } from './halving.js'
import { cellOptions } from './plan.js'
import type { StudyRecord, StudyRun } from './record.js'

export interface StudyHooks {
  /** Hears of every change of a run's state. */
  readonly onChange?: (record: StudyRecord) => void
  /** Hears what the run in progress tells. */
  readonly onEvent?: Listener
  /** Stops after the current step; the study goes on from there. */
  readonly signal?: AbortSignal
}

interface Place {
  readonly cell: number
  readonly run: number
}

/** What a run reached so far, as the record keeps it. */
async function reached(folder: string): Promise<Partial<StudyRun>> {
  const [history, result] = await Promise.all([readHistory(folder), readResult(folder)])
  const best = bestOf(history)
  return {
    epochs: history.length,
    ...(best ? { bestEpoch: best.epoch } : {}),
    ...(best?.validation ? { validation: withInterval(best.validation) } : {}),
    ...(result?.test ? { test: result.test } : {}),
    seconds: result?.seconds.total ?? history.reduce((sum, epoch) => sum + epoch.seconds, 0),
  }
}

/** Errors that concern one configuration; others would meet every run. */
const ownFault = (error: unknown): error is RegraftError =>
  error instanceof RegraftError && ['training', 'engine', 'usage', 'network'].includes(error.code)

/**
 * Runs what is left of the study in a folder; runs that have finished are not repeated.
 * @param folder that holds study.json
 * @throws RegraftError('interrupted') after a signal, with what to do to go on; or what concerns every run (images, weights)
 */
export async function runStudy(folder: string, dataset: Dataset, hooks: StudyHooks = {}): Promise<StudyRecord> {
  let record = await readStudyRecord(folder)
  const images = createImageStore()
  const change = async ({ cell, run }: Place, news: Partial<StudyRun>): Promise<void> => {
    const replaced = <T>(items: readonly T[], at: number, by: (item: T) => T) =>
      items.map((item, i) => (i === at ? by(item) : item))
    record = {
      ...record,
      cells: replaced(record.cells, cell, one => ({
        ...one,
        runs: replaced(one.runs, run, old => ({ ...old, ...news })),
      })),
    }
    await writeStudy(folder, record)
    hooks.onChange?.(record)
  }

  /** Trains one run until it has so many epochs, or all. */
  const execute = async (place: Place, until?: number): Promise<void> => {
    const cell = record.cells[place.cell]!
    const { seed, folder: name } = cell.runs[place.run]!
    const path = join(folder, name)
    const pause = new AbortController()
    const onEvent: Listener = event => {
      hooks.onEvent?.(event)
      if (event.type === 'epoch' && event.record.epoch === until) pause.abort()
    }
    const signal = hooks.signal ? AbortSignal.any([hooks.signal, pause.signal]) : pause.signal
    const reuse = { features: featuresOf(folder), images }
    const options = {
      ...cellOptions(record.base, cell.settings, record.scaleEpochs),
      seed,
      splitSeed: record.seeds[0],
      run: path,
    }
    await change(place, { state: 'running' })
    try {
      if (!existsSync(join(path, 'result.json'))) {
        if (existsSync(join(path, 'config.json'))) await resume(path, { onEvent, signal, reuse })
        else await train(dataset, options, { onEvent, signal, reuse })
      }
      await change(place, { state: 'done', ...(await reached(path)) })
    } catch (error) {
      if (error instanceof RegraftError && error.code === 'interrupted') {
        if (!pause.signal.aborted || hooks.signal?.aborted)
          throw new RegraftError(
            'interrupted',
            `Stopped in ${name}; everything is saved. Go on with the same command, or: regraft study --resume ${folder}`,
          )
        await change(place, { state: 'stopped', ...(await reached(path)) })
      } else if (ownFault(error)) await change(place, { state: 'failed', reason: error.message })
      else throw error
    }
  }

  if (record.halving) await halve(folder, () => record, execute)
  else
    for (const run of record.seeds.keys())
      for (const [cell, { runs }] of record.cells.entries())
        if (runs[run]!.state !== 'done' && runs[run]!.state !== 'failed') await execute({ cell, run })
  return record
}

/** Best validation accuracy after each epoch. */
const bestSoFar = (history: readonly EpochRecord[]): number[] => {
  let best = 0
  return history.map(({ validation }) => {
    best = Math.max(best, validation?.top1 ?? 0)
    return best
  })
}

async function halve(
  folder: string,
  current: () => StudyRecord,
  execute: (place: Place, until?: number) => Promise<void>,
): Promise<void> {
  const { halving, base, scaleEpochs, seeds } = current()
  const { epochs = 1 } = cellOptions(base, {}, scaleEpochs)
  const options = { ...halving!, epochs }
  const progressOf = async (cell: number, run: number): Promise<TrialProgress> => {
    const { folder: name, state } = current().cells[cell]!.runs[run]!
    const path = join(folder, name)
    const best = bestSoFar(await readHistory(path))
    const finished = (await readResult(path)) !== undefined
    return { epochs: finished ? epochs : Math.min(best.length, epochs - 1), best, failed: state === 'failed' }
  }
  for (const run of seeds.keys()) {
    const trials = await Promise.all(current().cells.map((_, cell) => progressOf(cell, run)))
    for (let next = nextTrial(trials, options); next; next = nextTrial(trials, options)) {
      const { trial, until } = next
      await execute({ cell: trial, run }, until < epochs ? until : undefined)
      trials[trial] = await progressOf(trial, run)
    }
  }
}
