/** What the runs of a study reached: means over seeds, intervals, and which settings are the best. */
import type { StudyCell, StudyRecord, StudyRun } from '../../study/record.js'
import { wilsonInterval } from '../../training/index.js'

/** Over a cell's runs, one a seed. */
export interface Score {
  readonly mean: number
  /** Sample standard deviation; undefined of a single run. */
  readonly deviation: number | undefined
  /**
   * 95 %, by Wilson, of the mean for the images of one run: seeds are no new images, so they do not make it narrower.
   */
  readonly interval: readonly [number, number]
}

export interface CellScore {
  readonly cell: StudyCell
  /** Finished runs. */
  readonly runs: number
  readonly validation?: Score | undefined
  readonly test?: Score | undefined
  /** Mean per-class accuracy on test images. */
  readonly meanPerClass?: number | undefined
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length

/** Sample standard deviation, with n - 1; undefined of fewer than two values. */
export function deviation(values: readonly number[]): number | undefined {
  if (values.length < 2) return undefined
  const centre = mean(values)
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1))
}

function scoreOf(partitions: readonly NonNullable<StudyRun['test']>[]): Score | undefined {
  if (partitions.length === 0) return undefined
  const values = partitions.map(({ top1 }) => top1)
  const images = Math.round(mean(partitions.map(part => part.images)))
  return { mean: mean(values), deviation: deviation(values), interval: wilsonInterval(mean(values), images) }
}

/** Of a cell's finished runs; of those that halving stopped where none has finished. */
export function cellScore(cell: StudyCell): CellScore {
  const done = cell.runs.filter(({ state }) => state === 'done')
  const counted = done.length > 0 ? done : cell.runs.filter(({ state }) => state === 'stopped')
  const tests = counted.flatMap(({ test }) => test ?? [])
  return {
    cell,
    runs: done.length,
    validation: scoreOf(counted.flatMap(({ validation }) => validation ?? [])),
    test: scoreOf(tests),
    meanPerClass: tests.length > 0 ? mean(tests.map(({ meanPerClass }) => meanPerClass)) : undefined,
  }
}

/** Cells with a validation accuracy, the best first. */
export const byValidation = (scores: readonly CellScore[]): CellScore[] =>
  scores.filter(({ validation }) => validation !== undefined).sort((a, b) => b.validation!.mean - a.validation!.mean)

/** The settings with the best mean validation accuracy among those with finished runs, and its best run. */
export function chosen(record: StudyRecord): { readonly score: CellScore; readonly run: StudyRun } | undefined {
  const [score] = byValidation(record.cells.map(cellScore)).filter(({ runs }) => runs > 0)
  const runs = score?.cell.runs.filter(({ state }) => state === 'done') ?? []
  const [run] = [...runs].sort((a, b) => (b.validation?.top1 ?? 0) - (a.validation?.top1 ?? 0))
  return score && run ? { score, run } : undefined
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
