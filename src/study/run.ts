/** Runs a study: one run after another, recorded after each, so that it goes on where it stopped. */
import { join } from 'node:path'
import { RegraftError } from '../base/errors.js'
import { createImageStore, type Dataset } from '../data/index.js'
import type { Listener } from '../training/index.js'
import { featuresOf, readStudyRecord, writeStudy } from './folder.js'
import { nextTrial } from './halving.js'
import { cellOptions } from './plan.js'
import { optionsOf, type Place, reached, trialProgress, withNews } from './progress.js'
import type { StudyRecord, StudyRun } from './record.js'
import { runTrial } from './trial.js'

export interface StudyHooks {
  /** Hears of every change of a run's state. */
  readonly onChange?: (record: StudyRecord) => void
  /** Hears what the run in progress tells. */
  readonly onEvent?: Listener
  /** Stops after the current step; the study goes on from there. */
  readonly signal?: AbortSignal
}

/**
 * Runs what is left of the study in a folder; runs that have finished are not repeated.
 * @param folder that holds study.json
 * @throws RegraftError('interrupted') after a signal, with what to do to go on; or what concerns every run (images, weights)
 */
export async function runStudy(folder: string, dataset: Dataset, hooks: StudyHooks = {}): Promise<StudyRecord> {
  let record = await readStudyRecord(folder)
  const images = createImageStore()
  const change = async (place: Place, news: Partial<StudyRun>): Promise<void> => {
    record = withNews(record, place, news)
    await writeStudy(folder, record)
    hooks.onChange?.(record)
  }

  /** Trains one run until it has so many epochs, or all. */
  const execute = async (place: Place, until?: number): Promise<void> => {
    const { folder: name } = record.cells[place.cell]!.runs[place.run]!
    const path = join(folder, name)
    const reuse = { features: featuresOf(folder), images }
    const options = { ...optionsOf(record, place), run: path }
    await change(place, { state: 'running' })
    try {
      const ending = await runTrial(dataset, options, until, { onEvent: hooks.onEvent, signal: hooks.signal, reuse })
      await change(place, ending.state === 'failed' ? ending : { ...ending, ...(await reached(path)) })
    } catch (error) {
      if (error instanceof RegraftError && error.code === 'interrupted')
        throw new RegraftError(
          'interrupted',
          `Stopped in ${name}; everything is saved. Go on with the same command, or: regraft study --resume ${folder}`,
        )
      throw error
    }
  }

  if (record.halving) await halve(folder, () => record, execute)
  else
    for (const run of record.seeds.keys())
      for (const [cell, { runs }] of record.cells.entries())
        if (runs[run]!.state !== 'done' && runs[run]!.state !== 'failed') await execute({ cell, run })
  return record
}

async function halve(
  folder: string,
  current: () => StudyRecord,
  execute: (place: Place, until?: number) => Promise<void>,
): Promise<void> {
  const { halving, base, scaleEpochs, seeds } = current()
  const { epochs = 1 } = cellOptions(base, {}, scaleEpochs)
  const options = { ...halving!, epochs }
  const progressOf = (cell: number, run: number) => trialProgress(folder, current().cells[cell]!.runs[run]!, epochs)
  for (const run of seeds.keys()) {
    const trials = await Promise.all(current().cells.map((_, cell) => progressOf(cell, run)))
    for (let next = nextTrial(trials, options); next; next = nextTrial(trials, options)) {
      const { trial, until } = next
      await execute({ cell: trial, run }, until < epochs ? until : undefined)
      trials[trial] = await progressOf(trial, run)
    }
  }
}
