/** What of a study is still to be done, from its folder alone: every run that has not finished, or what halving says next. */
import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { nextTrial, rungsOf, type TrialProgress } from '../halving.js'
import { cellOptions } from '../plan.js'
import { type Place, trialProgress } from '../progress.js'
import type { StudyRecord, StudyRun } from '../record.js'

export interface Task {
  readonly place: Place
  /** Epochs after which it waits; all, where this is left out. */
  readonly until?: number
  /** 1 is the most urgent; 0: in the order in which they come. */
  readonly priority: number
}

/** Says what is next; asked again whenever something has come in. */
export interface Tasks {
  next(): Promise<Task[]>
  /** What has come in of a run. */
  ended(place: Place, run: StudyRun): Promise<void>
}

/** Every run that is neither done nor failed, seed by seed. */
export function plainTasks(record: StudyRecord): Tasks {
  const left: Task[] = record.seeds.flatMap((_, run) =>
    record.cells.flatMap(({ runs }, cell) =>
      runs[run]!.state === 'done' || runs[run]!.state === 'failed' ? [] : [{ place: { cell, run }, priority: 0 }],
    ),
  )
  return {
    next: async () => left.splice(0),
    ended: async () => {},
  }
}

/**
 * Successive halving that never waits for a rung to fill: trials of the first rung lie ready, and whatever a result
 * promotes goes before them. Each promotion is recorded with what was known then.
 */
export async function halvingTasks(folder: string, record: StudyRecord): Promise<Tasks> {
  const { base, scaleEpochs } = record
  const { epochs = 1 } = cellOptions(base, {}, scaleEpochs)
  const options = { ...record.halving!, epochs }
  const rungs = rungsOf(options)
  const trials: TrialProgress[][] = []
  for (const run of record.seeds.keys())
    trials.push(await Promise.all(record.cells.map(({ runs }) => trialProgress(folder, runs[run]!, epochs))))
  const note = (entry: object) => appendFile(join(folder, 'halving.jsonl'), `${JSON.stringify(entry)}\n`)
  return {
    next: async () => {
      const tasks: Task[] = []
      for (const [run, all] of trials.entries())
        for (let next = nextTrial(all, options); next; next = nextTrial(all, options)) {
          const { trial: cell, until } = next
          const { epochs: from } = all[cell]!
          const rung = rungs.indexOf(until)
          if (rung > 0) {
            const reached = all.filter(one => one.epochs >= rungs[rung - 1]!).length
            const name = record.cells[cell]!.runs[run]!.folder
            await note({ at: new Date().toISOString(), run: name, from, until, reached })
          }
          all[cell] = { ...all[cell]!, busy: true }
          tasks.push({ place: { cell, run }, ...(until < epochs ? { until } : {}), priority: rungs.length - rung })
        }
      return tasks
    },
    ended: async ({ cell, run }, news) => {
      trials[run]![cell] = await trialProgress(folder, news, epochs)
    },
  }
}
