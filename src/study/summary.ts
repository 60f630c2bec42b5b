/** What a study shows: means over seeds, and the configuration that validation accuracy chooses. */
import type { StudyCell, StudyRecord, StudyRun } from './record.js'

/** Mean and sample standard deviation (0 for one value) of a number over seeds. */
export interface Spread {
  readonly mean: number
  readonly deviation: number
  readonly count: number
}

/** Over the runs of a cell that have finished; undefined where there are none. */
export function meanOf(cell: StudyCell, value: (run: StudyRun) => number | undefined): Spread | undefined {
  const values = cell.runs.flatMap(run => (run.state === 'done' ? (value(run) ?? []) : []))
  if (values.length === 0) return undefined
  const mean = values.reduce((a, b) => a + b, 0) / values.length
  const squares = values.reduce((sum, x) => sum + (x - mean) ** 2, 0)
  return { mean, deviation: Math.sqrt(squares / Math.max(values.length - 1, 1)), count: values.length }
}

/** The cell with the best mean validation accuracy, the first of equals; undefined while no run has finished. */
export function chosenCell({ cells }: StudyRecord): { readonly cell: number; readonly validation: Spread } | undefined {
  return cells.reduce<{ cell: number; validation: Spread } | undefined>((best, one, cell) => {
    const validation = meanOf(one, run => run.validation?.top1)
    return validation && (!best || validation.mean > best.validation.mean) ? { cell, validation } : best
  }, undefined)
}

/** The run with the best test accuracy of all: selected on the test split, so flattered. */
export function luckiest(
  record: StudyRecord,
): { readonly cell: StudyCell; readonly run: StudyRun; readonly top1: number } | undefined {
  const runs = record.cells.flatMap(cell =>
    cell.runs.flatMap(run => (run.state === 'done' && run.test ? [{ cell, run, top1: run.test.top1 }] : [])),
  )
  return runs.sort((a, b) => b.top1 - a.top1)[0]
}
