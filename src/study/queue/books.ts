/** The study's record while it is followed: news is gathered, written once a second and told a few times a second. */
import { writeStudy } from '../folder.js'
import type { Place } from '../progress.js'
import type { StudyRecord, StudyRun } from '../record.js'
import type { Summary } from './messages.js'

export interface Books {
  record(): StudyRecord
  run(place: Place): StudyRun
  note(place: Place, news: Partial<StudyRun>): void
  summary(): Summary
  /** Writes what is not written yet, and stops. */
  close(): Promise<void>
}

const tellEvery = 250
/** Milliseconds; of thousands of runs the record is large. */
const writeEvery = (cells: number) => Math.max(1000, cells / 2)

export function openBooks(folder: string, first: StudyRecord, tell: (record: StudyRecord) => void): Books {
  // Of ten thousand runs a copy for each piece of news would be the most of the work
  const cells = first.cells.map(cell => ({ ...cell, runs: [...cell.runs] }))
  let told = first
  const changed = new Set<number>()
  let unwritten = false
  let writing: Promise<void> = Promise.resolve()
  let written = 0
  let fault: unknown
  const settle = () => {
    if (changed.size === 0) return
    const copy = told.cells.map((cell, i) => (changed.has(i) ? { ...cell, runs: [...cells[i]!.runs] } : cell))
    told = { ...first, cells: copy }
    changed.clear()
    unwritten = true
    tell(told)
  }
  const write = () => {
    if (!unwritten) return
    unwritten = false
    written = performance.now()
    writing = writing
      .then(() => writeStudy(folder, told))
      .catch(error => {
        fault = error
      })
  }
  const timer = setInterval(() => {
    settle()
    if (performance.now() - written >= writeEvery(cells.length)) write()
  }, tellEvery)
  return {
    record: () => {
      settle()
      return told
    },
    run: ({ cell, run }) => cells[cell]!.runs[run]!,
    note: ({ cell, run }, change) => {
      const runs = cells[cell]!.runs
      runs[run] = { ...runs[run]!, ...change }
      changed.add(cell)
    },
    summary: () => summaryOf(cells.flatMap(({ runs }) => runs)),
    close: async () => {
      clearInterval(timer)
      settle()
      write()
      await writing
      if (fault) throw fault
    },
  }
}

function summaryOf(runs: readonly StudyRun[]): Summary {
  const done = runs.filter(({ state }) => state === 'done')
  const seconds = done.flatMap(run => run.seconds ?? [])
  return {
    total: runs.length,
    done: done.length,
    stopped: runs.filter(({ state }) => state === 'stopped').length,
    failed: runs
      .filter(({ state }) => state === 'failed')
      .slice(0, 100)
      .map(({ folder, reason }) => ({ run: folder, reason: reason ?? '' })),
    ...(seconds.length > 0 ? { seconds: seconds.reduce((a, b) => a + b, 0) / seconds.length } : {}),
  }
}
