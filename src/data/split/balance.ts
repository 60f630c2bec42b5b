/** What a person should know of a split before training: classes far apart in size, and classes that are not measured. */
import type { Dataset, Split } from '../dataset.js'
import { classesWithout } from './split.js'

/** How many times as many images the largest class has as the smallest, from which on it is said. */
const IMBALANCE = 10
const NAMED = 5

/** Whether the largest class has so many more images than the smallest that class weights should be thought of. */
export const isLopsided = (largest: number, smallest: number): boolean => largest >= IMBALANCE * smallest

/** How many images of each class are among the given ones. */
export function classCounts(dataset: Dataset, indices: readonly number[]): number[] {
  const counts = dataset.classes.map(() => 0)
  for (const index of indices) counts[dataset.samples[index]!.label]!++
  return counts
}

/** Sentences about the split, with what to do; none where all is well. `balanced`: small classes already count more. */
export function splitWarnings(dataset: Dataset, split: Split, balanced: boolean): string[] {
  const { classes } = dataset
  const counts = classCounts(dataset, split.train)
  const [most, least] = [Math.max(...counts), Math.min(...counts)]
  const warnings: string[] = []
  if (!balanced && isLopsided(most, least)) {
    const [large, small] = [classes[counts.indexOf(most)], classes[counts.indexOf(least)]]
    warnings.push(
      `class ${large} has ${most} training images, class ${small} only ${least}; --class-weights balanced makes up for it`,
    )
  }
  for (const [name, part] of [
    ['validation', split.val],
    ['test', split.test],
  ] as const) {
    if (part.length === 0) continue
    const without = classesWithout(dataset, part)
    if (without.length === 0) continue
    const which = without.length === 1 ? `class ${without[0]} has` : `${without.length} classes have`
    const list = without.length === 1 ? '' : ` (${listed(without)})`
    warnings.push(`${which} no ${name} images${list}: their accuracy is not known there; add images where that matters`)
  }
  return warnings
}

const listed = (names: readonly string[]): string =>
  names.slice(0, NAMED).join(', ') + (names.length > NAMED ? ` and ${names.length - NAMED} more` : '')

/** The part that each image of a split is in. */
function sidesOf(split: Split): Map<number, string> {
  const side = new Map<number, string>()
  for (const [name, part] of Object.entries(split)) for (const index of part) side.set(index, name)
  return side
}

/** How many images are in a group that has images on several sides of a split. */
export function imagesAcross(groups: readonly (readonly number[])[], split: Split): number {
  const side = sidesOf(split)
  const across = groups.filter(group => new Set(group.map(index => side.get(index))).size > 1)
  return across.reduce((sum, group) => sum + group.length, 0)
}

/** Test images in a group that has training or validation images, too: what they show has been seen. */
export function twinsInTest(groups: readonly (readonly number[])[], split: Split): number[] {
  const side = sidesOf(split)
  const seen = (index: number) => side.get(index) === 'train' || side.get(index) === 'val'
  return groups.flatMap(group => (group.some(seen) ? group.filter(index => side.get(index) === 'test') : []))
}
