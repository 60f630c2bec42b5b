/** The names that people give to the parts of a split. */

/** A part of a split. */
export type Part = 'train' | 'val' | 'test'

const names = new Map<string, Part>([
  ['train', 'train'],
  ['training', 'train'],
  ['val', 'val'],
  ['valid', 'val'],
  ['validation', 'val'],
  ['test', 'test'],
  ['testing', 'test'],
])

/** The part that a name stands for, whatever its case; undefined where it stands for none. */
export const partNamed = (name: string): Part | undefined => names.get(name.toLowerCase())
