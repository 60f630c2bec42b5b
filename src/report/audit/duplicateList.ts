/** Every group of images that show the same picture, as a table for a spreadsheet: what an audit's page has no room for. */
import { csvField } from '../../base/csv.js'
import { writeFileAtomic } from '../../base/files.js'
import type { Audit, Dataset, Split } from '../../data/index.js'

/** One line an image: the number of its group, its path and class, and its part where the images came with a split. */
export function writeDuplicateList(
  file: string,
  { samples, classes, predefined }: Dataset,
  { duplicates }: Audit,
): Promise<void> {
  const partOf = new Map(
    Object.entries(predefined ?? ({} as Partial<Split>)).flatMap(([part, indices]) =>
      indices.map(index => [index, part]),
    ),
  )
  const lines = duplicates.groups.flatMap((group, i) =>
    group.map(index => {
      const { path, label } = samples[index]!
      const part = predefined ? [partOf.get(index) ?? ''] : []
      return [String(i + 1), csvField(path), csvField(classes[label]!), ...part].join(',')
    }),
  )
  const header = ['group', 'path', 'class', ...(predefined ? ['part'] : [])].join(',')
  return writeFileAtomic(file, `${[header, ...lines].join('\n')}\n`)
}
