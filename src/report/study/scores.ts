/** What the runs of a study reached: means over seeds, intervals, and which settings are the best. */
import { chosenCell, meanOf, type StudyCell, type StudyRecord, type StudyRun } from '../../study/index.js'
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
  /** Of the test images without twins in other parts; undefined where there are none of either kind. */
  readonly withoutTwins?: Score | undefined
  /** Mean per-class accuracy on test images. */
  readonly meanPerClass?: number | undefined
}

function scoreOf(cell: StudyCell, part: (run: StudyRun) => StudyRun['test']): Score | undefined {
  const spread = meanOf(cell, run => part(run)?.top1)
  const images = meanOf(cell, run => part(run)?.images)
  return (
    spread &&
    images && {
      mean: spread.mean,
      deviation: spread.count > 1 ? spread.deviation : undefined,
      interval: wilsonInterval(spread.mean, Math.round(images.mean)),
    }
  )
}

/** Of a cell's finished runs; of those that halving stopped where none has finished. */
export function cellScore(cell: StudyCell): CellScore {
  const runs = cell.runs.filter(({ state }) => state === 'done').length
  const counted: StudyCell =
    runs > 0
      ? cell
      : { ...cell, runs: cell.runs.map(run => (run.state === 'stopped' ? { ...run, state: 'done' } : run)) }
  return {
    cell,
    runs,
    validation: scoreOf(counted, run => run.validation),
    test: scoreOf(counted, run => run.test),
    withoutTwins: scoreOf(counted, run => run.twins?.without),
    meanPerClass: meanOf(counted, run => run.test?.meanPerClass)?.mean,
  }
}

/** Cells with a validation accuracy, the best first. */
export const byValidation = (scores: readonly CellScore[]): CellScore[] =>
  scores.filter(({ validation }) => validation !== undefined).sort((a, b) => b.validation!.mean - a.validation!.mean)

/** The settings that validation accuracy chooses among those with finished runs, and their best run. */
export function chosen(record: StudyRecord): { readonly score: CellScore; readonly run: StudyRun } | undefined {
  const best = chosenCell(record)
  const cell = best && record.cells[best.cell]!
  const runs = cell?.runs.filter(({ state }) => state === 'done') ?? []
  const [run] = [...runs].sort((a, b) => (b.validation?.top1 ?? 0) - (a.validation?.top1 ?? 0))
  return cell && run ? { score: cellScore(cell), run } : undefined
}
