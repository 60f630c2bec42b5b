/** A table whose columns sort. */
import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'

export interface Column<Row> {
  readonly name: string
  readonly cell: (row: Row) => ComponentChildren
  /** What it is sorted by; a column without it does not sort. */
  readonly by?: (row: Row) => string | number | undefined
  readonly wrap?: boolean
  /** Left out where there is little room. */
  readonly minor?: boolean
}

const order = (a: string | number | undefined, b: string | number | undefined): number => {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? 1 : -1
  return typeof a === 'number' && typeof b === 'number'
    ? a - b
    : String(a).localeCompare(String(b), undefined, { numeric: true })
}

export function Table<Row>({
  rows,
  columns,
  caption,
}: {
  rows: readonly Row[]
  columns: readonly Column<Row>[]
  caption: string
}) {
  const [sorted, setSorted] = useState<{ column: string; down: boolean }>()
  const by = columns.find(({ name }) => name === sorted?.column)?.by
  // What is not there stays at the end, whichever way
  const shown = by
    ? [...rows].sort(
        (a, b) => (sorted?.down && by(a) !== undefined && by(b) !== undefined ? -1 : 1) * order(by(a), by(b)),
      )
    : rows
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
    <section class="scroll" aria-label={caption} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map(({ name, by, minor }) =>
              by ? (
                <th
                  key={name}
                  scope="col"
                  class={minor ? 'hide-small' : undefined}
                  aria-sort={sorted?.column !== name ? 'none' : sorted.down ? 'descending' : 'ascending'}
                >
                  <button
                    type="button"
                    onClick={() => setSorted({ column: name, down: sorted?.column === name && !sorted.down })}
                  >
                    {name}
                  </button>
                </th>
              ) : (
                <th key={name} scope="col" class={minor ? 'hide-small' : undefined}>
                  {name}
                </th>
              ),
            )}
          </tr>
        </thead>
        <tbody>
          {shown.map((row, i) => (
            <tr key={i}>
              {columns.map(({ name, cell, wrap, minor }) => (
                <td key={name} class={[wrap ? 'wrap' : '', minor ? 'hide-small' : ''].join(' ')}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
