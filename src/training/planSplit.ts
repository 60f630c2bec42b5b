/** Plans the split of a run: what shows the same picture stays on one side. */
import {
  type Dataset,
  type Duplicates,
  type FileStamps,
  findDuplicateGroups,
  imagesAcross,
  type Split,
  split,
  twinsInTest,
} from '../data/index.js'
import type { Listener } from './events.js'
import type { ResolvedOptions } from './options.js'

/** What the split of a data set depends on. */
export type SplitSettings = Pick<ResolvedOptions, 'split' | 'seed' | 'splitSeed' | 'groupDuplicates' | 'resplit'>

/** A split, and the duplicates that were looked for. */
export interface PlannedSplit {
  readonly split: Split
  readonly grouping: 'crops' | 'near' | 'none'
  readonly duplicates: Duplicates | undefined
  /** Where the data set came with a split: what gave it, and the parts that were taken from its training images. */
  readonly own?: { readonly from: 'folder' | 'labels'; readonly taken: ('validation' | 'test')[] } | undefined
  /** Images that show the same picture as one in another part, and those of them that test; undefined where there are none. */
  readonly across?: { readonly images: number; readonly test: readonly number[] } | undefined
}

/** Above it, crops are sought only where asked for: the search grows with the square. */
const MANY_IMAGES = 20_000

/** The split that `train` makes; says by a note how many images were kept together that would have been apart. */
export async function planSplit(
  found: Dataset,
  options: SplitSettings,
  stamps: FileStamps,
  onEvent: Listener = () => {},
  signal?: AbortSignal,
): Promise<PlannedSplit> {
  const data = options.resplit ? resplit(found) : found
  const many = data.samples.length > MANY_IMAGES
  const grouping = options.groupDuplicates ?? (many ? 'near' : 'crops')
  const settings = { fractions: fractionsOf(options.split), seed: options.splitSeed ?? options.seed }
  const plain = split(data, settings)
  const taken = takenFromTraining(data, plain)
  if (taken.length > 0)
    onEvent({
      type: 'note',
      message: `${ownName(data)} has no images for ${taken.map(({ name }) => name).join(' and ')}: ${taken.map(({ name, images }) => `${images} of its ${data.predefined!.train.length} training images are taken for ${name}`).join(', ')} (--split ${options.split})`,
    })
  const own = data.predefined && {
    from: data.predefinedBy ?? ('folder' as const),
    taken: taken.map(({ name }) => name),
  }
  if (grouping === 'none') return { split: plain, grouping, duplicates: undefined, own }
  const duplicates = await findDuplicateGroups(data, [...data.samples.keys()], {
    crops: grouping === 'crops',
    stamps,
    onProgress: (done, total, of) =>
      onEvent({ type: 'progress', task: of === 'pair' ? 'pairs' : 'duplicates', done, total, unit: of }),
    ...(signal ? { signal } : {}),
  })
  const grouped = split(data, { ...settings, groups: duplicates.groups })
  const [before, after] = [imagesAcross(duplicates.groups, plain), imagesAcross(duplicates.groups, grouped)]
  const twins = twinsInTest(duplicates.groups, grouped)
  const what = kindsFound(grouping, duplicates)
  if (before > after)
    onEvent({
      type: 'note',
      message: `${before - after} images are ${what} of others and would have been on different sides of the split; they are kept together (duplicates.json lists them, --group-duplicates none leaves them apart)`,
    })
  if (after > 0)
    onEvent({
      type: 'warning',
      message: `${after} images are ${what} of others in another part of ${ownName(data)}, ${twins.length} of them test images: accuracy may come out too high (--resplit divides all images anew)`,
    })
  for (const [part, name] of [
    ['val', 'validation'],
    ['test', 'test'],
  ] as const)
    if (plain[part].length > 0 && grouped[part].length === 0)
      onEvent({
        type: 'warning',
        message: `so many images are ${what} of others that none is left for ${name}; remove some of them, or pass --group-duplicates none`,
      })
  return { split: grouped, grouping, duplicates, own, across: after > 0 ? { images: after, test: twins } : undefined }
}

/** 'near-duplicates, crops or mirror images': what was looked for, and of mirrored and turned ones what was found. */
function kindsFound(grouping: 'crops' | 'near', { pairs }: Duplicates): string {
  const names = [
    'near-duplicates',
    ...(grouping === 'crops' ? ['crops'] : []),
    ...(pairs.some(({ kind }) => kind === 'mirrored') ? ['mirror images'] : []),
    ...(pairs.some(({ kind }) => kind === 'turned') ? ['turned copies'] : []),
  ]
  return names.length === 1 ? names[0]! : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
}

/** Without the split that it came with. */
export function resplit({ predefined: _, predefinedBy: __, ...rest }: Dataset): Dataset {
  return rest
}

/** What a split that came with the data set is called. */
const ownName = ({ predefinedBy }: Dataset): string =>
  predefinedBy === 'labels' ? "the labels file's own split" : "the folder's own split"

/** How many images are taken from the training images of a split that came with the data set and lacks parts. */
function takenFromTraining({ predefined }: Dataset, parts: Split): { name: 'validation' | 'test'; images: number }[] {
  if (predefined === undefined) return []
  const named = [
    ['validation', predefined.val, parts.val],
    ['test', predefined.test, parts.test],
  ] as const
  return named.flatMap(([name, given, all]) =>
    given.length === 0 && all.length > 0 ? [{ name, images: all.length }] : [],
  )
}

/** '7:2:1' as shares that sum to 1. */
export function fractionsOf(text: string): [number, number, number] {
  const parts = text.split(':').map(Number)
  const sum = parts.reduce((a, b) => a + b, 0)
  return parts.map(part => part / sum) as [number, number, number]
}
