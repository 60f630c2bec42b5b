/** The sections of an audit's page that show pictures: duplicates, and images that are unlike most. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { plural } from '../../base/plural.js'
import type { Audit, Dataset, DuplicateKind, Oddity } from '../../data/index.js'
import { type Block, type Picture, paragraph, type Section } from '../document/document.js'
import { thumbnailOf } from '../pictures/thumbnail.js'
import { count, folded, share } from './auditTables.js'

/** How many are shown: groups of duplicates, those of the same classes, pictures of a group and of a kind. */
const GROUPS = 40
const SAME_CLASSES = 6
const IN_GROUP = 6
const OF_KIND = 12

/** What each kind of image is called, and what becomes of it in training. */
export const oddityWords: Readonly<Record<Oddity, readonly [name: string, handling: string]>> = {
  tiny: ['less than 32 pixels wide or high', 'enlarged; they show little'],
  huge: ['25 million pixels or more', 'decoded once, slowly'],
  elongated: [
    'three times as long as wide',
    'validation and test see their middle only, or with --crop-mode squash all of them',
  ],
  wrongExtension: ['named as another format than they are', 'read by their content'],
  frames: ['animated, or of several pages', 'the first frame counts'],
  cmyk: ['CMYK', 'become RGB'],
  deep: ['of more than 8 bits a channel', 'become 8 bits'],
  faint: ['nearly black: of 16 bits, with less than a quarter used', 'nearly black; spread them over the whole range'],
  palette: ['with a palette', 'become RGB'],
  alpha: ['with transparency', 'laid on white'],
  turned: ['turned by their EXIF data', 'turned upright'],
  gray: ['gray', 'three equal channels'],
}

/** The kinds of pairs, in words. */
export const duplicateWords: Readonly<Record<DuplicateKind, string>> = {
  copy: 'equal files',
  near: 'near-duplicates',
  crop: 'crops',
  mirrored: 'mirror images',
  turned: 'turned copies',
}

/** What becomes of the groups in a split, as a sentence without its full stop. */
export function apartWords({ apart, across }: Audit): string {
  if (apart === 0) return 'No two of them would be on different sides of the split'
  const kept = apart - across
  const sentences = [
    ...(kept > 0
      ? [
          `${plural(kept, 'image')} would be on another side of the split than images of the same picture, and the accuracy would come out too high: train keeps them together (--group-duplicates)`,
        ]
      : []),
    ...(across > 0
      ? [
          `${count(across)} of these images stand in several parts of the split that came with these images, which train leaves as it is: the accuracy comes out too high; --resplit divides all images anew`,
        ]
      : []),
  ]
  return sentences.join('. ')
}

export async function duplicateSection(dataset: Dataset, found: Audit): Promise<Section> {
  const { pairs, sharing, duplicates } = found
  const labels = (group: readonly number[]) => new Set(group.map(index => dataset.samples[index]!.label))
  // What spans classes is a mistake in the labels more often than not
  const groups = [...duplicates.groups].sort((p, q) => labels(q).size - labels(p).size || q.length - p.length)
  const blocks: Block[] = [
    paragraph(`${apartWords(found)}.`),
    {
      kind: 'table',
      columns: [
        { title: 'Pairs' },
        { title: 'Within a class', numeric: true },
        { title: 'Across classes', numeric: true },
      ],
      rows: (Object.keys(duplicateWords) as DuplicateKind[]).map(kind => [
        duplicateWords[kind],
        count(pairs[kind].within),
        count(pairs[kind].across),
      ]),
    },
  ]
  if (sharing.length > 0)
    blocks.push(
      ...folded(
        {
          kind: 'table',
          columns: [{ title: 'Classes that share pictures' }, { title: 'Pairs', numeric: true }],
          rows: sharing.map(({ classes, pairs }) => [classes.join(' and '), count(pairs)]),
        },
        `All ${sharing.length} pairs of classes`,
      ),
    )
  const chosen = varied(groups, group => [...labels(group)].sort().join())
  for (const group of chosen) {
    const shown = await picturesOf(dataset, group.slice(0, IN_GROUP))
    const title = group.length > IN_GROUP ? `${IN_GROUP} of ${group.length} images` : `${group.length} images`
    blocks.push({ kind: 'pictures', pictures: shown, title })
  }
  if (groups.length > chosen.length) blocks.push(paragraph(`And ${count(groups.length - chosen.length)} more groups.`))
  return { id: 'duplicates', title: 'Images that show the same picture', blocks }
}

/** The first of the groups, but only a few of each kind: a hundred pairs of the same two classes say no more than six. */
function varied<Group>(groups: readonly Group[], kindOf: (group: Group) => string): Group[] {
  const seen = new Map<string, number>()
  const chosen = groups.filter(group => {
    const before = seen.get(kindOf(group)) ?? 0
    seen.set(kindOf(group), before + 1)
    return before < SAME_CLASSES
  })
  return chosen.slice(0, GROUPS)
}

export async function oddSection(dataset: Dataset, { odd, images }: Audit): Promise<Section> {
  const kinds = (Object.keys(oddityWords) as Oddity[]).filter(kind => odd[kind].length > 0)
  const sections = await Promise.all(
    kinds.map(async kind => {
      const [name, handling] = oddityWords[kind]
      const pictures = await picturesOf(dataset, odd[kind].slice(0, OF_KIND))
      const rest = odd[kind].length - pictures.length
      const text = `${count(odd[kind].length)} (${share(odd[kind].length, images)}); in training: ${handling}.${rest > 0 ? ` Not shown: ${count(rest)}.` : ''}`
      const blocks: Block[] = [paragraph(text), { kind: 'pictures', pictures }]
      return { id: `odd-${kind.toLowerCase()}`, title: `Images ${name}`.replace('Images gray', 'Gray images'), blocks }
    }),
  )
  const none = kinds.length === 0 ? [paragraph('None: all images are of the ordinary kind.')] : []
  return { id: 'odd', title: 'Images that are unlike most', blocks: none, sections }
}

/** Small pictures with their paths; those that cannot be read are left out. */
async function picturesOf({ root, samples }: Dataset, indices: readonly number[]): Promise<Picture[]> {
  const pictures: Picture[] = []
  for (const index of indices) {
    const { path } = samples[index]!
    const jpeg = await readFile(resolve(root, path))
      .then(thumbnailOf)
      .catch(() => undefined)
    if (jpeg !== undefined) pictures.push({ file: path, jpeg, path, caption: [path] })
  }
  return pictures
}
