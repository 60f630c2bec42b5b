/** The page of an audit: what was found in a folder of images, with pictures. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { writeFileAtomic } from '../base/files.js'
import { version } from '../base/version.js'
import { type Audit, type Dataset, type FiveNumbers, isLopsided, type Oddity } from '../data/index.js'
import type { Block, Picture, ReportDocument, Section, Table, Text } from './document.js'
import { paragraph } from './document.js'
import { writeHtml } from './html.js'
import { thumbnail } from './pictures.js'

/** How many are shown: rows of an open table, rows of any table, groups of duplicates, those of the same classes, pictures of a group and of a kind. */
const OPEN_ROWS = 12
const MAX_ROWS = 1000
const GROUPS = 40
const SAME_CLASSES = 6
const IN_GROUP = 6
const OF_KIND = 12

/** What each kind of image is called, and what becomes of it in training. */
export const oddityWords: Readonly<Record<Oddity, readonly [name: string, handling: string]>> = {
  tiny: ['less than 32 pixels wide or high', 'enlarged; they show little'],
  huge: ['25 million pixels or more', 'decoded once, slowly'],
  elongated: ['three times as long as wide', 'validation and test see their middle only'],
  wrongExtension: ['named as another format than they are', 'read by their content'],
  frames: ['animated, or of several pages', 'the first frame counts'],
  cmyk: ['CMYK', 'become RGB'],
  deep: ['of more than 8 bits a channel', 'become 8 bits'],
  palette: ['with a palette', 'become RGB'],
  alpha: ['with transparency', 'laid on white'],
  turned: ['turned by their EXIF data', 'turned upright'],
  gray: ['gray', 'three equal channels'],
}

const count = (value: number) => value.toLocaleString('en-US')
const share = (part: number, whole: number) => `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`

/** Writes the page: one file, with everything inside. */
export async function writeAuditPage(file: string, dataset: Dataset, found: Audit): Promise<void> {
  await writeFileAtomic(file, writeHtml(await auditDocument(dataset, found)))
}

async function auditDocument(dataset: Dataset, found: Audit): Promise<ReportDocument> {
  const { images, classes, bad, duplicates, apart, odd, root, ignored } = found
  const tiles = [
    { label: 'Images', value: count(images), note: `${count(ignored)} other files beside them` },
    { label: 'Classes', value: count(classes.length) },
    { label: 'Cannot be decoded', value: count(bad.length) },
    {
      label: 'Groups of duplicates',
      value: count(duplicates.groups.length),
      note: `${count(duplicates.groups.flat().length)} images`,
    },
    {
      label: 'On different sides of the split',
      value: count(apart),
      note: 'duplicates that train keeps together',
    },
    { label: 'Gray', value: share(odd.gray.length, images) },
  ]
  return {
    language: 'en',
    title: 'Data audit',
    subtitle: resolve(root),
    contents: 'Contents',
    lead: [{ kind: 'tiles', tiles }],
    sections: [
      classSection(found),
      ...(bad.length > 0 ? [badSection(found)] : []),
      ...(duplicates.groups.length > 0 ? [await duplicateSection(dataset, found)] : []),
      await oddSection(dataset, found),
      sizeSection(found),
    ],
    footer: `Written by regraft ${version}`,
  }
}

function classSection({ classes, sharing }: Audit): Section {
  const bySize = [...classes].sort((a, b) => b.images - a.images)
  const [largest, smallest] = [bySize[0]!, bySize.at(-1)!]
  const sharers = new Set(sharing.flatMap(({ classes }) => classes))
  const lopsided = isLopsided(largest.images, smallest.images)
  return {
    id: 'classes',
    title: 'Classes',
    blocks: [
      ...(lopsided
        ? [
            {
              kind: 'conclusion',
              text: [
                `${largest.name} has ${count(largest.images)} images, ${smallest.name} ${count(smallest.images)}: consider `,
                { code: '--class-weights balanced' },
                '.',
              ],
            } as const,
          ]
        : []),
      ...folded(
        {
          kind: 'table',
          columns: [
            { title: 'Class' },
            { title: 'Images', numeric: true },
            { title: 'Gray', numeric: true },
            { title: 'Cannot be decoded', numeric: true },
            { title: 'Shares pictures with others' },
          ],
          rows: bySize.map(({ name, images, gray, bad }) => [
            name,
            count(images),
            share(gray, images),
            count(bad),
            sharers.has(name) ? 'yes' : '',
          ]),
        },
        `All ${classes.length} classes, the largest first`,
      ),
    ],
  }
}

function badSection({ bad }: Audit): Section {
  const table: Table = {
    kind: 'table',
    columns: [{ title: 'File' }, { title: 'Reason' }],
    rows: bad.map(({ path, reason }) => [path, reason]),
  }
  return {
    id: 'bad',
    title: 'Images that cannot be decoded',
    blocks: [
      paragraph(['Remove or replace them, or train with ', { code: '--skip-bad-images' }, '.']),
      ...folded(table, `All ${bad.length} files`),
    ],
  }
}

async function duplicateSection(dataset: Dataset, found: Audit): Promise<Section> {
  const { pairs, sharing, duplicates, apart } = found
  const labels = (group: readonly number[]) => new Set(group.map(index => dataset.samples[index]!.label))
  // What spans classes is a mistake in the labels more often than not
  const groups = [...duplicates.groups].sort((p, q) => labels(q).size - labels(p).size || q.length - p.length)
  const blocks: Block[] = [
    paragraph(
      apart === 0
        ? 'No two of them would be on different sides of the split.'
        : `A split at random would tear groups of ${count(apart)} of these images apart, and the accuracy would come out too high. Training keeps each group on one side.`,
    ),
    {
      kind: 'table',
      columns: [
        { title: 'Pairs' },
        { title: 'Within a class', numeric: true },
        { title: 'Across classes', numeric: true },
      ],
      rows: (
        [
          ['equal files', pairs.copy],
          ['near-duplicates', pairs.near],
          ['crops', pairs.crop],
        ] as const
      ).map(([name, { within, across }]) => [name, count(within), count(across)]),
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

async function oddSection(dataset: Dataset, { odd, images }: Audit): Promise<Section> {
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

function sizeSection({ sizes, formats }: Audit): Section {
  const row = (name: string, numbers: FiveNumbers, digits = 0): Text[] => [
    name,
    ...numbers.map(value => value.toFixed(digits)),
  ]
  const columns = ['Smallest', 'Lower quartile', 'Median', 'Upper quartile', 'Largest']
  return {
    id: 'sizes',
    title: 'Sizes and formats',
    blocks:
      sizes === undefined
        ? [paragraph('No image can be decoded.')]
        : [
            {
              kind: 'table',
              columns: [{ title: 'Pixels' }, ...columns.map(title => ({ title, numeric: true }))],
              rows: [row('width', sizes.width), row('height', sizes.height), row('width by height', sizes.ratio, 2)],
            },
            {
              kind: 'facts',
              facts: [
                ['Bytes in all', `${(sizes.bytes / 1e6).toFixed(1)} MB`],
                ...Object.entries(formats).map(([name, number]) => [name, count(number)] as const),
              ],
            },
          ],
  }
}

/** A long table is folded away, and cut where nobody would read on. */
function folded(table: Table, summary: string): Block[] {
  if (table.rows.length <= OPEN_ROWS) return [table]
  const cut = { ...table, rows: table.rows.slice(0, MAX_ROWS) }
  const rest = table.rows.length - cut.rows.length
  return [{ kind: 'details', summary, blocks: [cut, ...(rest > 0 ? [paragraph(`And ${count(rest)} more.`)] : [])] }]
}

/** Small pictures with their paths; those that cannot be read are left out. */
async function picturesOf({ root, samples }: Dataset, indices: readonly number[]): Promise<Picture[]> {
  const pictures: Picture[] = []
  for (const index of indices) {
    const { path } = samples[index]!
    const jpeg = await thumbnail(path, path => readFile(resolve(root, path))).catch(() => undefined)
    if (jpeg !== undefined) pictures.push({ file: path, jpeg, path, caption: [path] })
  }
  return pictures
}
