/** Tables of text: columns aligned, numbers to the right, and never wider than the terminal. */
import { visibleLine } from '../../base/visible.js'
import { columns, truncate } from './width.js'

const isNumber = (text: string): boolean =>
  /^[+-]?[\d.,]+(e[+-]?\d+)?( ?(%|s|ms|GB|MB|kB|bytes))?$/.test(text) ||
  /^[\d.]+ to [\d.]+$/.test(text) ||
  /^\d+ (\*|min \d\d s|h \d\d min)$/.test(text)

/** A column of text is not made narrower than this. */
const narrowest = 8

export interface TableOptions {
  /** Columns that a cell may take; default: 60, or fewer where the table would not fit. */
  readonly widest?: number
  /** Of the terminal. */
  readonly width?: number
  /** Names of columns that may be left out where there is no room, the first one first. */
  readonly spare?: readonly string[]
  /** Columns that a text must keep, by the name of its column. */
  readonly least?: Readonly<Record<string, number>>
}

const here = () => process.stdout.columns || Number.POSITIVE_INFINITY

/**
 * A header, a rule and one line a row. A column whose cells are all numbers stands to the right; other cells are cut
 * where they are too long. Where the terminal is narrower than the numbers alone, each row is a block of lines.
 */
export function table(
  headers: readonly string[],
  rows: readonly (readonly string[])[],
  options: TableOptions = {},
): string {
  const { width = here() } = options
  const { cells, numeric, full, least, kept, total } = layout(headers, rows, options)
  if (total(least) > width) return blocks(cells, width)
  const widths = [...full]
  while (total(widths) > width) {
    const shrinkable = [...kept].filter(c => widths[c]! > least[c]!)
    const longest = shrinkable.reduce((most, c) => (widths[c]! > widths[most]! ? c : most))
    widths[longest]!--
  }
  const line = (row: readonly string[]) =>
    [...kept]
      .map(c => {
        const cell = truncate(row[c] ?? '', widths[c]!)
        const space = ' '.repeat(widths[c]! - columns(cell))
        return numeric[c] ? space + cell : cell + space
      })
      .join('  ')
      .trimEnd()
  const [head, ...body] = cells.map(line)
  return [head, [...kept].map(c => '─'.repeat(widths[c]!)).join('  '), ...body].join('\n')
}

/** Names of the columns that `table` would leave out. */
export function leftOut(
  headers: readonly string[],
  rows: readonly (readonly string[])[],
  options: TableOptions = {},
): string[] {
  const { kept } = layout(headers, rows, options)
  return headers.filter((_, c) => !kept.has(c))
}

function layout(headers: readonly string[], rows: readonly (readonly string[])[], options: TableOptions) {
  const { widest = 60, width = here(), spare = [] } = options
  const cells = [headers, ...rows].map(row => row.map(cell => truncate(visibleLine(cell), widest)))
  const numeric = headers.map((_, c) => rows.length > 0 && rows.every(row => !row[c] || isNumber(row[c])))
  const full = headers.map((_, c) => Math.max(...cells.map(row => columns(row[c] ?? ''))))
  const least = full.map((columnWidth, c) =>
    numeric[c] ? columnWidth : Math.min(columnWidth, options.least?.[headers[c]!] ?? narrowest),
  )
  const kept = new Set(headers.keys())
  const total = (widths: readonly number[]) => [...kept].reduce((sum, c) => sum + widths[c]! + 2, -2)
  for (const name of spare) if (total(least) > width) kept.delete(headers.indexOf(name))
  return { cells, numeric, full, least, kept, total }
}

/** Each row as lines of a name and its value. */
function blocks([headers = [], ...rows]: readonly (readonly string[])[], width: number): string {
  const named = Math.max(...headers.map(columns))
  return rows
    .map(row =>
      headers
        .flatMap((header, c) =>
          row[c] ? [truncate(`${header}${' '.repeat(named - columns(header))}  ${row[c]}`, width)] : [],
        )
        .join('\n'),
    )
    .join('\n\n')
}
