/** Compares cells of a study in pairs, image by image: all their runs are tested on the same images. */
import { join } from 'node:path'
import { readPredictions } from '../training/index.js'
import { holm, mcnemar } from './mcnemar.js'
import type { StudyCell, StudyRecord } from './record.js'

/** Whether a run is right about each test image, by path. */
type RightOn = ReadonlyMap<string, boolean>

/** Of each cell's finished runs, by seed. */
export type Outcomes = ReadonlyMap<StudyCell, ReadonlyMap<number, RightOn>>

/** Two cells on the same test images. */
export interface PairComparison {
  /** Images that only the first is right about, and only the second; over several seeds: in more of them than the other. */
  readonly onlyFirst: number
  readonly onlySecond: number
  /** McNemar's exact test; over several seeds the sign test that it is then. */
  readonly p: number
  /** Corrected by Holm's method for all pairs that were compared at once. */
  readonly corrected: number
}

/** Of one run's predictions.csv. */
export const outcomesOf = async (run: string): Promise<RightOn> =>
  new Map(
    (await readPredictions(run)).map(({ path, trueClass, predictedClass }) => [path, trueClass === predictedClass]),
  )

export async function readOutcomes(folder: string, { cells }: StudyRecord): Promise<Outcomes> {
  const outcomes = new Map<StudyCell, Map<number, RightOn>>()
  for (const cell of cells) {
    const bySeed = new Map<number, RightOn>()
    for (const { seed, state, folder: run } of cell.runs) {
      const right = state === 'done' ? await outcomesOf(join(folder, run)) : undefined
      if (right && right.size > 0) bySeed.set(seed, right)
    }
    outcomes.set(cell, bySeed)
  }
  return outcomes
}

/**
 * Compares pairs of cells over the seeds that both have.
 * @returns undefined where the runs of any pair have no test images in common, or not the same
 */
export function comparePairs(
  pairs: readonly (readonly [StudyCell, StudyCell])[],
  outcomes: Outcomes,
): PairComparison[] | undefined {
  const counts = pairs.map(([first, second]) => countsOf(outcomes.get(first), outcomes.get(second)))
  const known = counts.flatMap(count => count ?? [])
  if (known.length < counts.length) return undefined
  const values = known.map(({ onlyFirst, onlySecond }) => mcnemar(onlyFirst, onlySecond))
  const corrected = holm(values)
  return known.map((count, i) => ({ ...count, p: values[i]!, corrected: corrected[i]! }))
}

function countsOf(
  first: ReadonlyMap<number, RightOn> | undefined,
  second: ReadonlyMap<number, RightOn> | undefined,
): Pick<PairComparison, 'onlyFirst' | 'onlySecond'> | undefined {
  if (!first || !second) return undefined
  const balance = new Map<string, number>()
  let seeds = 0
  for (const [seed, rights] of first) {
    const others = second.get(seed)
    if (!others) continue
    if (others.size !== rights.size) return undefined
    seeds++
    for (const [path, right] of rights) {
      const other = others.get(path)
      if (other === undefined) return undefined
      balance.set(path, (balance.get(path) ?? 0) + Number(right) - Number(other))
    }
  }
  if (seeds === 0) return undefined
  const values = [...balance.values()]
  return {
    onlyFirst: values.filter(value => value > 0).length,
    onlySecond: values.filter(value => value < 0).length,
  }
}
