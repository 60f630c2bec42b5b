/** Divides images of which some must stay together. */
import { type RandomStream, randomStream, shuffled } from '../../base/random.js'
import type { Dataset, Split } from '../dataset.js'
import { heldOut } from './heldOut.js'

const parts = ['train', 'val', 'test'] as const
type Part = (typeof parts)[number]

/** Places that are left in each part, by label. */
type Places = Readonly<Record<Part, number[]>>

/**
 * Divides images into training, validation and test so that each group is on one side. Every class has as many places in
 * each part as without groups. Groups are placed first, the largest ones before others: where all its images find places,
 * a group goes to a part drawn in proportion to the places that are left there; where they do not, to the part that is
 * exceeded least (training, if equal). Single images fill what is left, so a class misses its shares only by images of
 * groups that fit nowhere. A class without any training image has the smallest group that holds one moved to training.
 *
 * A group may span classes. Of groups, only the given `indices` count. The result depends on seed, classes and groups.
 */
export function divideGroups(
  dataset: Dataset,
  indices: readonly number[],
  groups: readonly (readonly number[])[],
  val: number,
  test: number,
  seed: number,
): Split {
  const labelOf = (index: number) => dataset.samples[index]!.label
  const members: number[][] = dataset.classes.map(() => [])
  for (const index of indices) members[labelOf(index)]!.push(index)
  const left: Places = { train: [], val: [], test: [] }
  for (const [label, images] of members.entries()) {
    const [vals, tests] = heldOut(images.length, val, test)
    left.train[label] = images.length - vals - tests
    left.val[label] = vals
    left.test[label] = tests
  }
  const together = within(groups, indices)
  const placed: Record<Part, number[][]> = { train: [], val: [], test: [] }
  const random = randomStream(seed, 'split', 'groups')
  for (const group of shuffled(together, random).sort((p, q) => q.length - p.length)) {
    const part = partFor(group.map(labelOf), left, random)
    placed[part].push(group)
    for (const index of group) left[part][labelOf(index)]!--
  }
  const grouped = new Set(together.flat())
  for (const [label, images] of members.entries()) {
    const singles = images.filter(index => !grouped.has(index))
    const order = shuffled(singles, randomStream(seed, 'split', dataset.classes[label]!))
    for (const part of ['val', 'test'] as const) {
      for (const index of order.splice(0, Math.max(0, left[part][label]!))) placed[part].push([index])
    }
    for (const index of order) placed.train.push([index])
  }
  const present = members.flatMap((images, label) => (images.length > 0 ? [label] : []))
  for (const label of present) giveTraining(label, placed, labelOf)
  const ascending = (part: Part) => placed[part].flat().sort((a, b) => a - b)
  return { train: ascending('train'), val: ascending('val'), test: ascending('test') }
}

/** The groups as far as they are among the indices; those of one image are none. */
function within(groups: readonly (readonly number[])[], indices: readonly number[]): number[][] {
  const free = new Set(indices)
  const result: number[][] = []
  for (const group of groups) {
    const rest = group.filter(index => free.delete(index))
    if (rest.length > 1) result.push(rest)
  }
  return result
}

function partFor(labels: readonly number[], left: Places, random: RandomStream): Part {
  const needs = new Map<number, number>()
  for (const label of labels) needs.set(label, (needs.get(label) ?? 0) + 1)
  const excess = (part: Part) => {
    let sum = 0
    for (const [label, need] of needs) sum += Math.max(0, need - Math.max(0, left[part][label]!))
    return sum
  }
  const excesses = parts.map(excess)
  const least = Math.min(...excesses)
  if (least > 0) return parts[excesses.indexOf(least)]!
  const weights = parts.map((part, i) => {
    return excesses[i] === 0 ? labels.reduce((sum, label) => sum + left[part][label]!, 0) : 0
  })
  let at = random.next() * weights.reduce((sum, weight) => sum + weight, 0)
  const drawn = weights.findIndex(weight => {
    at -= weight
    return at < 0
  })
  return parts[drawn]!
}

function giveTraining(label: number, placed: Record<Part, number[][]>, labelOf: (index: number) => number): void {
  const holds = (unit: readonly number[]) => unit.some(index => labelOf(index) === label)
  if (placed.train.some(holds)) return
  const [smallest] = [...placed.val, ...placed.test].filter(holds).sort((p, q) => p.length - q.length)
  for (const part of ['val', 'test'] as const) placed[part] = placed[part].filter(unit => unit !== smallest)
  if (smallest !== undefined) placed.train.push(smallest)
}
