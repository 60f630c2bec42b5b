/** What a table of a study bears: a difference counts where the intervals of two rows do not overlap. */
import type { StudySetting } from '../../study/index.js'
import type { Score } from './scores.js'

export interface Row {
  readonly value: StudySetting
  /** Undefined where no run of the row has finished. */
  readonly test: Score | undefined
  /** Test accuracy of the experiment that is reproduced. */
  readonly reference?: number | undefined
}

export type Conclusion =
  | { readonly kind: 'too-few' }
  /** The intervals of all rows overlap. */
  | { readonly kind: 'noise'; readonly difference: number }
  /** Accuracy rises or falls with the value from one end to the other. */
  | {
      readonly kind: 'trend'
      readonly better: 'larger' | 'smaller'
      readonly from: StudySetting
      readonly to: StudySetting
      readonly difference: number
      /** Other values that cannot be told apart from the best. */
      readonly level: readonly StudySetting[]
    }
  | {
      readonly kind: 'best'
      readonly value: StudySetting
      /** Values that are worse by more than the intervals. */
      readonly worse: readonly StudySetting[]
      /** Between the best and the worst. */
      readonly difference: number
      readonly level: readonly StudySetting[]
    }

const overlap = (a: Score, b: Score): boolean => a.interval[0] <= b.interval[1] && b.interval[0] <= a.interval[1]

export function conclude(rows: readonly Row[]): Conclusion {
  const measured = rows.flatMap(({ value, test }) => (test ? [{ value, test }] : []))
  if (measured.length < 2) return { kind: 'too-few' }
  const ranked = [...measured].sort((a, b) => b.test.mean - a.test.mean)
  const [best, worst] = [ranked[0]!, ranked.at(-1)!]
  const difference = best.test.mean - worst.test.mean
  // Of every pair, not of best and worst alone: intervals differ in width.
  const allOverlap = measured.every(a => measured.every(b => overlap(a.test, b.test)))
  if (allOverlap) return { kind: 'noise', difference }
  const level = ranked.slice(1).filter(row => overlap(row.test, best.test))
  const worse = ranked.slice(1).filter(row => !overlap(row.test, best.test))
  const levelValues = level.map(({ value }) => value)
  const direction = overlap(best.test, worst.test) ? undefined : trend(measured)
  if (direction)
    return {
      kind: 'trend',
      better: direction,
      from: worst.value,
      to: best.value,
      difference,
      level: levelValues,
    }
  return { kind: 'best', value: best.value, worse: worse.map(({ value }) => value), difference, level: levelValues }
}

/** Whether means rise or fall all the way with a numeric value. */
function trend(
  rows: readonly { readonly value: StudySetting; readonly test: Score }[],
): 'larger' | 'smaller' | undefined {
  if (!rows.every(({ value }) => typeof value === 'number')) return undefined
  const means = [...rows].sort((a, b) => Number(a.value) - Number(b.value)).map(({ test }) => test.mean)
  const steps = means.slice(1).map((value, i) => value - means[i]!)
  if (steps.every(step => step >= 0)) return 'larger'
  return steps.every(step => step <= 0) ? 'smaller' : undefined
}

/** Where the reference has its best row, and whether this study has it there too. */
export function referenceBest(
  rows: readonly Row[],
): { readonly value: StudySetting; readonly accuracy: number; readonly here: StudySetting | undefined } | undefined {
  const known = rows.flatMap(({ value, reference }) => (reference === undefined ? [] : [{ value, reference }]))
  const [best] = known.sort((a, b) => b.reference - a.reference)
  if (!best || known.length < 2) return undefined
  const [here] = rows.filter(({ test }) => test).sort((a, b) => b.test!.mean - a.test!.mean)
  return { value: best.value, accuracy: best.reference, here: here?.value }
}
