/** The names that people give to the parts of a split. */

/** A part of a split. */
export type Part = 'train' | 'val' | 'test'

/** What each name means; a map without other properties, since names come from files. */
export const partNames: Readonly<Record<string, Part>> = Object.assign(Object.create(null), {
  train: 'train',
  val: 'val',
  valid: 'val',
  validation: 'val',
  test: 'test',
})
