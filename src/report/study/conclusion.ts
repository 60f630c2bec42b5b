/** What a table of a study bears. */
import type { StudySetting } from '../../study/index.js'
import type { Differences, Evidence } from './pairs.js'
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
  /** No two rows can be told apart. */
  | { readonly kind: 'noise'; readonly difference: number; readonly by: Evidence }
  /** Accuracy rises or falls with the value from one end to the other. */
  | {
      readonly kind: 'trend'
      readonly better: 'larger' | 'smaller'
      readonly from: StudySetting
      readonly to: StudySetting
      readonly difference: number
      /** Other values that cannot be told apart from the best. */
      readonly level: readonly StudySetting[]
      /** That the two ends differ, corrected for all pairs. */
      readonly p: number | undefined
      readonly by: Evidence
    }
  | {
      readonly kind: 'best'
      readonly value: StudySetting
      /** Values that are worse for sure. */
      readonly worse: readonly StudySetting[]
      /** Between the best and the worst. */
      readonly difference: number
      readonly level: readonly StudySetting[]
      /** The largest of those that are worse, corrected for all pairs. */
      readonly p: number | undefined
      readonly by: Evidence
    }

export function conclude(rows: readonly Row[], differences: Differences): Conclusion {
  const { differ, by } = differences
  const measured = rows.flatMap(({ value, test }, at) => (test ? [{ value, test, at }] : []))
  if (measured.length < 2) return { kind: 'too-few' }
  const ranked = [...measured].sort((a, b) => b.test.mean - a.test.mean)
  const [best, worst] = [ranked[0]!, ranked.at(-1)!]
  const difference = best.test.mean - worst.test.mean
  // Of every pair, not of best and worst alone: a smaller difference may be the surer one
  const allLevel = measured.every(a => measured.every(b => a === b || !differ(a.at, b.at)))
  if (allLevel) return { kind: 'noise', difference, by }
  const level = ranked.slice(1).filter(row => !differ(row.at, best.at))
  const worse = ranked.slice(1).filter(row => differ(row.at, best.at))
  const levelValues = level.map(({ value }) => value)
  const direction = differ(best.at, worst.at) ? trend(measured) : undefined
  if (direction)
    return {
      kind: 'trend',
      better: direction,
      from: worst.value,
      to: best.value,
      difference,
      level: levelValues,
      p: differences.p(best.at, worst.at),
      by,
    }
  const ps = worse.flatMap(row => differences.p(row.at, best.at) ?? [])
  return {
    kind: 'best',
    value: best.value,
    worse: worse.map(({ value }) => value),
    difference,
    level: levelValues,
    p: ps.length > 0 ? Math.max(...ps) : undefined,
    by,
  }
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
