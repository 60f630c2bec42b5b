/** Tables of text: columns aligned, numbers to the right. */
import { columns, truncate } from './width.js'

const isNumber = (text: string): boolean =>
  /^[+-]?[\d.,]+(e[+-]?\d+)?( ?(%|s|GB|MB|kB|bytes))?$/.test(text) || /^\d+ \*$/.test(text)

/**
 * A header, a rule and one line a row. A column whose cells are all numbers stands to the right; other cells are cut
 * to `widest` columns.
 */
export function table(headers: readonly string[], rows: readonly (readonly string[])[], widest = 60): string {
  const cells = [headers, ...rows].map(row => row.map(cell => truncate(cell, widest)))
  const widths = headers.map((_, c) => Math.max(...cells.map(row => columns(row[c] ?? ''))))
  const numeric = headers.map((_, c) => rows.length > 0 && rows.every(row => !row[c] || isNumber(row[c])))
  const line = (row: readonly string[]) =>
    row
      .map((cell, c) => {
        const space = ' '.repeat(widths[c]! - columns(cell))
        return numeric[c] ? space + cell : cell + space
      })
      .join('  ')
      .trimEnd()
  const [head, ...body] = cells.map(line)
  return [head, widths.map(width => '─'.repeat(width)).join('  '), ...body].join('\n')
}
