/** `regraft audit`: what a person should know of a folder of images before training on it. */
import { Command } from 'commander'
import { RegraftError } from '../base/errors.js'
import { plural } from '../base/plural.js'
import {
  type Audit,
  audit,
  type Dataset,
  type DuplicateKind,
  type FiveNumbers,
  isLopsided,
  nameOf,
  type Oddity,
  split,
} from '../data/index.js'
import { apartWords, duplicateWords, oddityWords, writeAuditPage, writeDuplicateList } from '../report/index.js'
import { checkOptions, fractionsOf, resplit } from '../training/index.js'
import { auditRun } from './auditRun.js'
import { openData } from './dataFolder.js'
import { interruptSignal } from './interrupt.js'
import { bytes, percent, thousands } from './terminal/format.js'
import { type ProgressBar, progress } from './terminal/progress.js'
import { say, sayJson, warn } from './terminal/say.js'
import { table } from './terminal/table.js'

interface AuditOptions {
  readonly run?: string
  readonly html?: string
  readonly json?: boolean
  readonly labels?: string
  readonly exclude?: string[]
  readonly split: string
  readonly seed: number
  readonly resplit?: boolean
}

/** Names, reasons and pairs of classes that are shown; the page has them all. */
const NAMED = 10

export const auditCommand = new Command('audit')
  .description('look at every image of a folder: damaged and odd files, duplicates and crops, sizes, classes')
  .argument('[data]', "folder with one folder per class, an archive of one, or 'caltech101'")
  .option('--run <RUN>', "look for wrong labels among a finished run's images instead, with its network")
  .option('--html <FILE>', 'where the page with pictures goes; default: FOLDER-audit.html here')
  .option('--json', 'everything as JSON instead of the summary, and no page unless --html names one')
  .option('--labels <FILE>', 'CSV of path, label and perhaps split, instead of class folders')
  .option('--exclude <CLASS...>', 'class folders to leave out')
  .option('--split <T:V:E>', 'the shares that train would be given', '7:2:1')
  .option('--seed <N>', 'the seed that train would be given', Number, 0)
  .option('--resplit', 'as if train were told to divide a folder anew that has train, val or test')
  .addHelpText(
    'after',
    '\nExamples:\n  regraft audit photos\n  regraft audit photos --html report.html --seed 3\n  regraft audit --run runs/photos-resnet50     # labels that are likely wrong',
  )
  .action(async (data: string | undefined, options: AuditOptions) => {
    if (options.run !== undefined) {
      const other = data ?? (['html', 'labels', 'exclude'] as const).find(name => options[name])
      if (other !== undefined)
        throw new RegraftError('usage', `--run looks at the run's own images; leave out ${data ?? `--${other}`}`)
      return auditRun(options.run, options.json ?? false)
    }
    if (data === undefined)
      throw new RegraftError(
        'usage',
        'name a folder of class folders, or a run: regraft audit FOLDER, regraft audit --run RUN',
      )
    const { split: shares, seed } = checkOptions({ split: options.split, seed: options.seed })
    const signal = interruptSignal()
    const found = await openData(
      data,
      { exclude: options.exclude ?? [], labels: options.labels, keepFaults: true },
      signal,
    )
    const dataset = options.resplit ? resplit(found) : found
    let shown: { task: string; bar: ProgressBar } | undefined
    const result = await audit(dataset, {
      split: groups => split(dataset, { fractions: fractionsOf(shares), seed, groups }),
      signal,
      onProgress: (task, done, total) => {
        if (shown?.task !== task) {
          shown?.bar.done()
          shown = { task, bar: progress({ label: labels[task], unit: task === 'pairs' ? 'pair' : 'image' }) }
        }
        shown.bar.update(done, total)
      },
    }).finally(() => shown?.bar.done())
    for (const message of dataset.faults ?? []) warn(`wrong: ${message}\n`)
    for (const message of dataset.warnings ?? []) warn(`warning: ${message}\n`)
    const page = options.html ?? (options.json ? undefined : `${nameOf(dataset)}-audit.html`)
    if (page !== undefined) await writeAuditPage(page, dataset, result)
    if (options.json) {
      sayJson(withPaths(dataset, result))
      return
    }
    say(`${[...summary(result), ...groupLines(dataset, result)].join('\n')}\n\n`)
    if (result.duplicates.groups.length > 0) {
      const list = `${page!.replace(/\.html?$/i, '')}-duplicates.csv`
      await writeDuplicateList(list, dataset, result)
      say(`All groups: ${list}\n`)
    }
    say(`With pictures: ${page}\n`)
  })

const labels = {
  images: 'Looking at images',
  duplicates: 'Looking for duplicates and crops',
  pairs: 'Comparing pictures in pairs',
}

/** Paths for indices, which mean nothing outside. */
function withPaths({ samples, faults = [], warnings = [] }: Dataset, found: Audit) {
  const path = (index: number) => samples[index]!.path
  return {
    ...found,
    faults,
    warnings,
    bad: found.bad.map(({ path, reason }) => ({ path, reason })),
    odd: Object.fromEntries(Object.entries(found.odd).map(([kind, indices]) => [kind, indices.map(path)])),
    duplicates: found.duplicates.groups.map(group => group.map(path)),
    duplicatePairs: found.duplicates.pairs.map(({ a, b, kind, score }) => ({ a: path(a), b: path(b), kind, score })),
  }
}

/** The audit in lines for a terminal. */
export function summary(found: Audit): string[] {
  const { classes, images, ignored, bad, odd, sizes, formats, pairs, sharing, duplicates } = found
  const bySize = [...classes].sort((a, b) => b.images - a.images)
  const [largest, smallest] = [bySize[0]!, bySize.at(-1)!]
  const lines = [
    `${plural(images, 'image')} in ${plural(classes.length, 'class', 'classes')}; ${plural(ignored, 'other file')}`,
    `largest class ${largest.name} (${largest.images}), smallest ${smallest.name} (${smallest.images})`,
  ]
  if (isLopsided(largest.images, smallest.images))
    lines.push('  the largest is ten times the smallest or more: consider --class-weights balanced')
  if (sizes !== undefined)
    lines.push(
      `width ${range(sizes.width)}, height ${range(sizes.height)}, ratio ${range(sizes.ratio, 2)}; ${bytes(sizes.bytes)}`,
      `formats: ${Object.entries(formats)
        .map(([name, count]) => `${name} ${thousands(count)}`)
        .join(', ')}`,
    )
  lines.push('', bad.length === 0 ? 'all images can be decoded' : `${thousands(bad.length)} cannot be decoded`)
  for (const { path, reason } of bad.slice(0, NAMED)) lines.push(`  ${path} (${reason})`)
  if (bad.length > NAMED) lines.push(`  and ${bad.length - NAMED} more`)
  if (bad.length > 0) lines.push('  remove them, or train with --skip-bad-images')
  const kinds = (Object.keys(oddityWords) as Oddity[]).filter(kind => odd[kind].length > 0)
  const rows = kinds.map(kind => {
    const [name, handling] = oddityWords[kind]
    return [name, thousands(odd[kind].length), percent(odd[kind].length / images), handling]
  })
  if (rows.length > 0) lines.push('', table(['images that are', 'count', 'share', 'in training'], rows))
  lines.push(
    '',
    duplicates.groups.length === 0
      ? 'no two images show the same picture'
      : `${plural(duplicates.groups.length, 'group')} of images that show the same picture (${plural(duplicates.groups.flat().length, 'image')})`,
  )
  if (duplicates.groups.length === 0) return lines
  const pairRows = (Object.keys(duplicateWords) as DuplicateKind[]).map(kind => [
    duplicateWords[kind],
    `${pairs[kind].within}`,
    `${pairs[kind].across}`,
  ])
  lines.push(table(['pairs', 'one class', 'two classes'], pairRows))
  for (const { classes: two, pairs: count } of sharing.slice(0, NAMED))
    lines.push(`  ${two.join(' and ')} share ${count} picture${count === 1 ? '' : 's'}`)
  if (sharing.length > NAMED) lines.push(`  and ${sharing.length - NAMED} more pairs of classes`)
  lines.push(...apartWords(found).split('. '))
  return lines
}

/** The first groups, those in several parts of a given split before others, by their paths. */
function groupLines({ samples, predefined }: Dataset, { duplicates: { groups } }: Audit): string[] {
  const part = new Map(
    Object.entries(predefined ?? {}).flatMap(([name, indices]) =>
      indices.map((index: number) => [index, name] as const),
    ),
  )
  const parts = (group: readonly number[]) => new Set(group.map(index => part.get(index))).size
  const sorted = [...groups].sort((p, q) => parts(q) - parts(p) || q.length - p.length)
  const shown = sorted.slice(0, NAMED).map(group => `  ${listed(group.map(index => samples[index]!.path))}`)
  return groups.length > shown.length
    ? [...shown, `  and ${plural(groups.length - shown.length, 'more group')}`]
    : shown
}

/** The first three, and how many more there are. */
const listed = (paths: readonly string[]): string =>
  `${paths.slice(0, 3).join(' = ')}${paths.length > 3 ? ` and ${paths.length - 3} more` : ''}`

function range(numbers: FiveNumbers, digits = 0): string {
  const [least, , median, , most] = numbers.map(value => value.toFixed(digits))
  return `${least} to ${most} (median ${median})`
}
