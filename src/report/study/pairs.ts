/** Whether rows of a study differ: tested in pairs on the same test images, or by their intervals where runs kept no predictions. */
import { comparePairs, type Outcomes, type PairComparison, type StudyCell } from '../../study/index.js'
import { SIGNIFICANT } from '../../study/mcnemar.js'
import type { Score } from './scores.js'

/** What is compared: a cell, and what its runs reached on test images. */
export interface Compared {
  readonly cell: StudyCell
  readonly test?: Score | undefined
}

/** How two rows were told apart. */
export type Evidence = 'pairs' | 'intervals'

export interface Differences {
  readonly by: Evidence
  /** Of rows by their index. */
  readonly differ: (a: number, b: number) => boolean
  /** P-value of two rows, corrected for all pairs; undefined where intervals are all there is. */
  readonly p: (a: number, b: number) => number | undefined
  /** Every pair of rows that was compared. */
  readonly pairs: readonly (PairComparison & { readonly first: number; readonly second: number })[]
}

const overlap = (a: Score, b: Score): boolean => a.interval[0] <= b.interval[1] && b.interval[0] <= a.interval[1]

/** All rows with all. @param against only with this row, by its index */
export function differencesOf(rows: readonly Compared[], outcomes: Outcomes, against?: number): Differences {
  const measured = [...rows.keys()].filter(row => rows[row]!.test)
  const wanted = measured.flatMap((first, i) =>
    measured
      .slice(i + 1)
      .filter(second => against === undefined || first === against || second === against)
      .map(second => ({ first, second })),
  )
  const compared = comparePairs(
    wanted.map(({ first, second }) => [rows[first]!.cell, rows[second]!.cell] as const),
    outcomes,
  )
  if (!compared)
    return {
      by: 'intervals',
      differ: (a, b) => !overlap(rows[a]!.test!, rows[b]!.test!),
      p: () => undefined,
      pairs: [],
    }
  const pairs = compared.map((comparison, i) => ({ ...comparison, ...wanted[i]! }))
  const of = (a: number, b: number) =>
    pairs.find(({ first, second }) => first === Math.min(a, b) && second === Math.max(a, b))?.corrected
  return { by: 'pairs', differ: (a, b) => (of(a, b) ?? 1) < SIGNIFICANT, p: of, pairs }
}

/** 'p < 0.001', 'p = 0.012' */
export const pText = (p: number): string => (p < 0.001 ? 'p < 0.001' : `p = ${p.toFixed(3)}`)
