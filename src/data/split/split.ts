/** Divides a data set into training, validation and test images: per class, seeded, and restorable from paths. */
import { RegraftError } from '../../base/errors.js'
import { randomStream, shuffled } from '../../base/random.js'
import type { Dataset, Split } from '../dataset.js'
import { heldOut } from './heldOut.js'
import { divideGroups } from './splitGroups.js'

/** Options of `split`. */
export interface SplitOptions {
  /** Shares of training, validation and test; they sum to 1. 7:2:1 by default. */
  readonly fractions?: readonly [number, number, number]
  readonly seed: number
  /** Lists of sample indices of which all go to the same part, such as `findDuplicateGroups` finds; no index is in two lists. */
  readonly groups?: readonly (readonly number[])[]
}

/** A split as relative paths: what a run's config holds. */
export interface SplitPaths {
  readonly train: readonly string[]
  readonly val: readonly string[]
  readonly test: readonly string[]
}

/**
 * Divides each class by the fractions, rounded to whole images, in an order drawn from (seed, class name): a class has the
 * same split whatever other classes there are. Each class keeps at least one training image, so a very small one has no
 * validation or test images; `classesWithout` names those.
 *
 * A split that comes with the data set is used as it is. If it lacks validation or test images, they are taken from
 * its training images, in the proportion of the fractions (0.7 : 0.2 without a test part, 0.7 : 0.1 without validation).
 *
 * With groups, `divideGroups` says how; parts that come with the data set stay as they are, also where a group is in
 * several of them, and what is taken from training images keeps together those of a group that are among them.
 */
export function split(dataset: Dataset, options: SplitOptions): Split {
  const { fractions = [0.7, 0.2, 0.1], seed, groups = [] } = options
  const [train, val, test] = fractions
  if (!fractions.every(share => share >= 0) || train === 0 || Math.abs(train + val + test - 1) > 1e-6) {
    throw new RegraftError(
      'usage',
      `split ${fractions.join(', ')}: give three shares that sum to 1, such as 0.7, 0.2, 0.1; training must have some`,
    )
  }
  const given = dataset.predefined
  const divided = (indices: readonly number[], val: number, test: number) =>
    groups.length === 0
      ? divide(dataset, indices, val, test, seed)
      : divideGroups(dataset, indices, groups, val, test, seed)
  if (given === undefined) return divided([...dataset.samples.keys()], val, test)
  const takeVal = given.val.length === 0 ? val : 0
  const takeTest = given.test.length === 0 ? test : 0
  const sum = train + takeVal + takeTest
  const taken = divided(given.train, takeVal / sum, takeTest / sum)
  return { train: taken.train, val: [...given.val, ...taken.val], test: [...given.test, ...taken.test] }
}

function divide(dataset: Dataset, indices: readonly number[], val: number, test: number, seed: number): Split {
  const members: number[][] = dataset.classes.map(() => [])
  for (const index of indices) members[dataset.samples[index]!.label]!.push(index)
  const parts = { train: [] as number[], val: [] as number[], test: [] as number[] }
  for (const [label, images] of members.entries()) {
    const order = shuffled(images, randomStream(seed, 'split', dataset.classes[label]!))
    const [vals, tests] = heldOut(images.length, val, test)
    parts.val.push(...order.slice(0, vals))
    parts.test.push(...order.slice(vals, vals + tests))
    parts.train.push(...order.slice(vals + tests))
  }
  const ascending = (part: number[]) => part.sort((a, b) => a - b)
  return { train: ascending(parts.train), val: ascending(parts.val), test: ascending(parts.test) }
}

/** Names of the classes that have no image among the given ones. */
export function classesWithout(dataset: Dataset, indices: readonly number[]): string[] {
  const present = new Set(indices.map(index => dataset.samples[index]!.label))
  return dataset.classes.filter((_, label) => !present.has(label))
}

/** The split as paths, to be kept with a run. */
export function splitToPaths(dataset: Dataset, parts: Split): SplitPaths {
  const paths = (part: readonly number[]) => part.map(index => dataset.samples[index]!.path)
  return { train: paths(parts.train), val: paths(parts.val), test: paths(parts.test) }
}

/**
 * The split that `splitToPaths` wrote, for the same data set read again; images that came later belong to no part.
 * @throws RegraftError if an image is no longer there
 */
export function splitFromPaths(dataset: Dataset, paths: SplitPaths): Split {
  const indexOf = new Map(dataset.samples.map(({ path }, index) => [path, index]))
  const indices = (part: readonly string[]) =>
    part.map(path => {
      const index = indexOf.get(path)
      if (index !== undefined) return index
      throw new RegraftError(
        'data',
        `${path} is part of the run's split but no longer in ${dataset.root}; restore it or start a new run`,
      )
    })
  return { train: indices(paths.train), val: indices(paths.val), test: indices(paths.test) }
}
