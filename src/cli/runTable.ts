/** Runs as a table that fits the terminal: what they reached, and the settings in which they differ. */
import { RegraftError } from '../base/errors.js'
import { kebab } from '../base/names.js'
import { didYouMean } from '../base/suggest.js'
import { visibleLine } from '../base/visible.js'
import { differingSettings, type RunSummary } from '../training/index.js'
import { percent } from './terminal/format.js'
import { leftOut, table } from './terminal/table.js'
import { columns, truncate } from './terminal/width.js'

/** How far a run is. */
const state = ({ config, history, result }: RunSummary): string =>
  result ? 'finished' : `epoch ${history.length} of ${config.options.epochs}`

interface Column {
  readonly name: string
  readonly text: (run: RunSummary) => string
  /** What runs are sorted by; the best first where it is an accuracy. */
  readonly value: (run: RunSummary) => string | number | undefined
  readonly falling?: boolean
}

const share = (name: string, value: (run: RunSummary) => number | undefined): Column => ({
  name,
  text: run => {
    const found = value(run)
    return found === undefined ? '' : percent(found)
  },
  value,
  falling: true,
})

const results: readonly Column[] = [
  { name: 'run', text: ({ run }) => run, value: ({ run }) => run },
  { name: 'date', text: ({ config }) => config.started.slice(0, 10), value: ({ config }) => config.started },
  { name: 'state', text: state, value: state },
  {
    name: 'best epoch',
    text: ({ best }) => (best ? String(best.epoch) : ''),
    value: ({ best }) => best?.epoch,
  },
  share('val top-1', ({ best }) => best?.validation?.top1),
  share('test top-1', ({ result }) => result?.test?.top1),
  {
    name: '95 % interval',
    text: ({ result }) =>
      result?.test ? result.test.interval.map(bound => (100 * bound).toFixed(1)).join(' to ') : '',
    value: ({ result }) => result?.test?.interval[0],
    falling: true,
  },
  share('test per class', ({ result }) => result?.test?.meanPerClass),
]

/** What is left out first where there is no room. */
const spare = ['test per class', 'best epoch', 'state', '95 % interval', 'date', 'val top-1']

/** A name as it is typed: 'test-top-1', or what begins so, 'test'. */
const typed = (name: string): string => name.replace(/ %/, '').replaceAll(' ', '-')

const settingColumns = (runs: readonly RunSummary[]): Column[] =>
  [...differingSettings(runs)].map(([name, values]) => {
    const of = new Map(runs.map((run, i) => [run, values[i]!]))
    return { name: kebab(name), text: run => of.get(run)!, value: run => of.get(run)! }
  })

/**
 * One line a run; what has no room beside the others stands in lines below it.
 * @param sort the name of a column
 * @throws RegraftError('usage') where there is no such column
 */
export function runTable(
  runs: readonly RunSummary[],
  sort?: string,
  width = process.stdout.columns || Number.POSITIVE_INFINITY,
): string {
  const settings = settingColumns(runs)
  const sorted = sort === undefined ? runs : sortedBy(runs, columnNamed([...results, ...settings], sort))
  const ended = Number.isFinite(width) && runs.every(({ result }) => result)
  const reached = results.filter(({ name }) => !(ended && name === 'state'))
  const all = [reached[0]!, ...settings, ...reached.slice(1)]
  const texts = (shown: readonly Column[]) => sorted.map(one => shown.map(({ text }) => text(one)))
  const names = (shown: readonly Column[]) => shown.map(({ name }) => name)
  const natural = names(all).reduce(
    (sum, name, c) => sum + 2 + Math.max(columns(name), ...texts(all).map(row => columns(row[c]!))),
    -2,
  )
  if (natural <= width) return table(names(all), texts(all), { width })
  const options = { width, spare, least: { run: width < 60 ? 16 : 27, date: 10, state: 14 } }
  const missing = leftOut(names(reached), texts(reached), options)
  const below = [...reached.filter(({ name }) => missing.includes(name)), ...settings]
  const [head, rule, ...rows] = table(names(reached), texts(reached), options).split('\n')
  // Too narrow for any table
  if (rows.length !== sorted.length) return table(names(all), texts(all), { width })
  const entries = (one: RunSummary) =>
    below
      .filter(({ text }) => text(one) !== '')
      .map(({ name, text }) => truncate(`${name} ${truncate(visibleLine(text(one)), 40)}`, width - 2))
  return [head, rule, ...rows.flatMap((row, i) => [row, ...filled(entries(sorted[i]!), width)])].join('\n')
}

/** Entries in as few lines as they take, indented. */
function filled(entries: readonly string[], width: number): string[] {
  const lines: string[] = []
  for (const entry of entries) {
    const longer = lines.length > 0 ? `${lines.at(-1)}, ${entry}` : ''
    if (lines.length > 0 && columns(longer) <= width) lines[lines.length - 1] = longer
    else lines.push(`  ${entry}`)
  }
  return lines
}

function columnNamed(all: readonly Column[], name: string): Column {
  const names = all.map(column => typed(column.name))
  const wanted = typed(name)
  const exact = all.find(column => typed(column.name) === wanted)
  const found = exact ?? all.find(column => typed(column.name).startsWith(wanted))
  if (found) return found
  throw new RegraftError(
    'usage',
    `--sort ${name}: there is no such column${didYouMean(name, names)}; there are ${names.join(', ')}`,
  )
}

/** Accuracies with the best first, everything else ascending; what has no value comes last. */
function sortedBy(runs: readonly RunSummary[], { value, falling }: Column): RunSummary[] {
  const numeric = (text: string | number | undefined) =>
    typeof text === 'string' && text !== '' && !Number.isNaN(Number(text)) ? Number(text) : text
  return [...runs].sort((a, b) => {
    const [p, q] = [numeric(value(a)), numeric(value(b))]
    if (p === undefined || q === undefined || p === '' || q === '')
      return Number(p === undefined || p === '') - Number(q === undefined || q === '')
    const order =
      typeof p === 'number' && typeof q === 'number'
        ? p - q
        : String(p) < String(q)
          ? -1
          : String(p) > String(q)
            ? 1
            : 0
    return falling ? -order : order
  })
}
