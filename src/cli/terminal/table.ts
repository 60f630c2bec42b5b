/** Tables of text: columns aligned, numbers to the right. */
import { visibleLine } from '../../base/visible.js'
import { columns, truncate } from './width.js'

const isNumber = (text: string): boolean =>
  /^[+-]?[\d.,]+(e[+-]?\d+)?( ?(%|s|GB|MB|kB|bytes))?$/.test(text) || /^\d+ (\*|min \d\d s|h \d\d min)$/.test(text)

/** A column of text is not made narrower than this. */
const narrowest = 8

/**
 * A header, a rule and one line a row. A column whose cells are all numbers stands to the right; other cells are cut
 * where they are too long.
 *
 * @param widest columns that a cell may take; default: 60, or fewer where the table would not fit the terminal
 * @param width columns of the terminal
 */
export function table(
  headers: readonly string[],
  rows: readonly (readonly string[])[],
  widest?: number,
  width = process.stdout.columns ?? Number.POSITIVE_INFINITY,
): string {
  const cells = [headers, ...rows].map(row => row.map(cell => truncate(visibleLine(cell), widest ?? 60)))
  const widths = headers.map((_, c) => Math.max(...cells.map(row => columns(row[c] ?? ''))))
  const numeric = headers.map((_, c) => rows.length > 0 && rows.every(row => !row[c] || isNumber(row[c])))
  const total = () => widths.reduce((a, b) => a + b + 2, -2)
  while (widest === undefined && total() > width) {
    const longest = Math.max(...widths.filter((_, c) => !numeric[c]))
    if (longest <= narrowest) break
    widths[widths.findIndex((value, c) => value === longest && !numeric[c])] = longest - 1
  }
  const line = (row: readonly string[]) =>
    widths
      .map((columnWidth, c) => {
        const cell = truncate(row[c] ?? '', columnWidth)
        const space = ' '.repeat(columnWidth - columns(cell))
        return numeric[c] ? space + cell : cell + space
      })
      .join('  ')
      .trimEnd()
  const [head, ...body] = cells.map(line)
  return [head, widths.map(columnWidth => '─'.repeat(columnWidth)).join('  '), ...body].join('\n')
}
