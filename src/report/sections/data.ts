/** The images of a run: how many of each class in each part, and what some of them look like. */
import { type Context, pictures } from '../context.js'
import { type Block, given, type Section, type Text } from '../document/document.js'
import type { PictureIndex } from '../pictures/pictureIndex.js'
import type { ReportedRun } from '../readRun.js'
import { optionName } from './settings.js'

/** Tables of more classes than these are folded away. */
const mostRows = 12

export async function dataSection(run: ReportedRun, context: Context): Promise<Section> {
  const { config } = run
  const { done: words, numbers } = context.words
  const { train, val, test } = config.split
  const sizes = [train, val, test].map(part => numbers.count(part.length)) as [string, string, string]
  const facts: (readonly [string, Text])[] = [
    [words.folder, { code: config.data }],
    [words.classes, numbers.count(config.classes.length)],
    ...(config.options.exclude.length > 0
      ? [[optionName('exclude', context.words), config.options.exclude.join(', ')] as const]
      : []),
    [words.split, words.splitText(...sizes) + numbers.aside(rules(run, context).join(words.semicolon))],
    ...given(config.across, ({ images, test }) => [[words.across, words.acrossText(images, test.length)] as const]),
    ...given(run.pictures, index => [[words.classSizes, classSizes(run, index, context)] as const]),
    [words.augmentation, words.augmentations[config.resolved.augment]],
  ]
  return {
    id: 'data',
    title: words.data,
    blocks: [
      { kind: 'facts', facts },
      ...(run.pictures ? [classTable(run, run.pictures, context), ...(await samples(run, run.pictures, context))] : []),
    ],
  }
}

/** How the images came into their parts. */
function rules({ config }: ReportedRun, { words: { done: words } }: Context): string[] {
  const { ownSplit, options, resolved } = config
  if (ownSplit) return [words.ownSplit[ownSplit.from], ...ownSplit.taken.map(part => words.taken(part, options.split))]
  return [words.shares(options.split), ...(resolved.grouping === 'none' ? [] : [words.grouped])]
}

const total = ({ counts }: PictureIndex, c: number): number =>
  (counts.train[c] ?? 0) + (counts.validation[c] ?? 0) + (counts.test[c] ?? 0)

function classSizes(
  { config }: ReportedRun,
  index: PictureIndex,
  { words: { done: words, numbers } }: Context,
): string {
  const sizes = config.classes.map((name, c) => ({ name, images: total(index, c) }))
  sizes.sort((a, b) => a.images - b.images)
  const [smallest, largest] = [sizes[0]!, sizes.at(-1)!]
  if (smallest.images === largest.images) return words.classSizesEqual(numbers.images(largest.images))
  return words.classSizesText(
    smallest.name,
    numbers.images(smallest.images),
    largest.name,
    numbers.images(largest.images),
  )
}

function classTable({ config }: ReportedRun, index: PictureIndex, { words: { done: words, numbers } }: Context): Block {
  const { counts } = index
  const table: Block = {
    kind: 'table',
    columns: [
      { title: words.class },
      ...[words.trainImages, words.validationImages, words.testImages, words.split].map(title => ({
        title,
        numeric: true,
      })),
    ],
    rows: config.classes.map((name, c) => [
      name,
      ...[counts.train[c] ?? 0, counts.validation[c] ?? 0, counts.test[c] ?? 0, total(index, c)].map(numbers.count),
    ]),
  }
  return config.classes.length <= mostRows ? table : { kind: 'details', summary: words.classTable, blocks: [table] }
}

async function samples(run: ReportedRun, index: PictureIndex, context: Context): Promise<Block[]> {
  const wanted = index.samples.map(sample => ({ ...sample, caption: [sample.class] }))
  const shown = await pictures(context, run.folder, wanted)
  return shown.length > 0 ? [{ kind: 'pictures', title: { strong: context.words.done.samples }, pictures: shown }] : []
}
