/** The sections of an audit's page that are tables: classes, images that cannot be decoded, sizes and formats. */
import { type Audit, type Dataset, type FiveNumbers, isLopsided } from '../../data/index.js'
import { type Block, paragraph, type Section, type Table, type Text } from '../document/document.js'

/** Rows of an open table, and of any table. */
const OPEN_ROWS = 12
const MAX_ROWS = 1000

export const count = (value: number) => value.toLocaleString('en-US')
export const share = (part: number, whole: number) => `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`

export function classSection({ classes, sharing }: Audit): Section {
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

/** What training refuses to begin with, and what it warns of. */
export function faultSection({ faults = [], warnings = [] }: Dataset): Section[] {
  const list = (title: string, items: readonly string[]): Section[] =>
    items.length === 0
      ? []
      : [{ id: title.toLowerCase().replaceAll(' ', '-'), title, blocks: [{ kind: 'list', items }] }]
  return [...list('What is wrong', faults), ...list('What to look at', warnings)]
}

export function badSection({ bad }: Audit): Section {
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

export function sizeSection({ sizes, formats }: Audit): Section {
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
export function folded(table: Table, summary: string): Block[] {
  if (table.rows.length <= OPEN_ROWS) return [table]
  const cut = { ...table, rows: table.rows.slice(0, MAX_ROWS) }
  const rest = table.rows.length - cut.rows.length
  return [{ kind: 'details', summary, blocks: [cut, ...(rest > 0 ? [paragraph(`And ${count(rest)} more.`)] : [])] }]
}
