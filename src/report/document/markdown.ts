/** Writes a report as Markdown (GitHub's kind); figures and pictures are files beside it. */

import { visible } from '../../base/visible.js'
import type { Block, Inline, Picture, ReportDocument, Section, Table, Text } from './document.js'
import { pieces } from './document.js'

/** Text of any origin on one line: no markup in it is understood as such. */
export const escapeMarkdown = (text: string): string =>
  visible(text)
    .replace(/[\n\t]+/g, ' ')
    .replace(/[\\`*_[\]|~#$]/g, character => `\\${character}`)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')

/** The longest row of backticks, and one more. */
const fence = (text: string, least: number): string =>
  '`'.repeat(Math.max(least, 1 + Math.max(0, ...(text.match(/`+/g) ?? []).map(run => run.length))))

/** A code span; a bar would end the cell of a table, so it is escaped there, as GitHub asks for. */
function code(text: string, inTable: boolean): string {
  const line = visible(text).replace(/[\n\t]+/g, ' ')
  const ticks = fence(line, 1)
  const space = /^`|`$|^ .* $/.test(line) ? ' ' : ''
  return `${ticks}${space}${inTable ? line.replaceAll('|', '\\|') : line}${space}${ticks}`
}

const inline = (piece: Inline, inTable: boolean): string => {
  if (typeof piece === 'string') return escapeMarkdown(piece)
  return 'code' in piece ? code(piece.code, inTable) : `**${escapeMarkdown(piece.strong)}**`
}
const markdown = (text: Text, inTable = false): string =>
  pieces(text)
    .map(piece => inline(piece, inTable))
    .join('')

/** A relative address. */
const address = (file: string): string => file.split('/').map(encodeURIComponent).join('/')

function table({ columns, rows, marked = [], caption }: Table): string {
  const strong = (cell: string) => (cell === '' || cell.includes('**') ? cell : `**${cell}**`)
  const lines = rows.map((row, r) =>
    row.map(cell => (marked.includes(r) ? strong(markdown(cell, true)) : markdown(cell, true))),
  )
  const rule = columns.map(({ numeric }) => (numeric ? '--:' : ':--'))
  const head = columns.map(({ title }) => escapeMarkdown(title))
  const text = [head, rule, ...lines].map(cells => `| ${cells.join(' | ')} |`).join('\n')
  return caption === undefined ? text : `${escapeMarkdown(caption)}\n\n${text}`
}

const images = ({ path, file, heat }: Picture): string =>
  `![${escapeMarkdown(path)}](${address(file)})${heat ? ` ![Grad-CAM](${address(heat.file)})` : ''}`

/** Pictures side by side, four in a row, with their captions below. */
function pictures(all: readonly Picture[], title: Text | undefined): string {
  const perRow = 4
  const rows: string[] = []
  for (let start = 0; start < all.length; start += perRow) {
    const row = all.slice(start, start + perRow)
    const filled = [...row, ...new Array<undefined>(start === 0 ? 0 : perRow - row.length).fill(undefined)]
    const cells = filled.map(item =>
      item ? `${images(item)}<br>${item.caption.map(line => markdown(line, true)).join('<br>')}` : ' ',
    )
    rows.push(`| ${cells.join(' | ')} |`)
    if (start === 0) rows.unshift(`|${row.map(() => '   ').join('|')}|`, `|${row.map(() => '---').join('|')}|`)
  }
  return [...(title === undefined ? [] : [markdown(title)]), rows.join('\n')].join('\n\n')
}

/** The marks around values, which are of another width in Chinese. */
const marksOf = (language: string) =>
  language.startsWith('zh') ? { colon: '：', open: '（', close: '）' } : { colon: ': ', open: ' (', close: ')' }

type Marks = ReturnType<typeof marksOf>

function block(item: Block, marks: Marks): string {
  switch (item.kind) {
    case 'paragraph':
      return markdown(item.text)
    case 'conclusion':
      return `> ${markdown(item.text)}`
    case 'list':
      return item.items.map(entry => `- ${markdown(entry)}`).join('\n')
    case 'tiles':
      return item.tiles
        .map(
          ({ label, value, note }) =>
            `- ${escapeMarkdown(label)}${marks.colon}**${escapeMarkdown(value)}**${note ? `${marks.open}${escapeMarkdown(note)}${marks.close}` : ''}`,
        )
        .join('\n')
    case 'facts':
      return item.facts.map(([name, value]) => `- ${escapeMarkdown(name)}${marks.colon}${markdown(value)}`).join('\n')
    case 'table':
      return table(item)
    case 'figure': {
      const image = `![${escapeMarkdown(item.alt)}](${address(item.file)})`
      return item.caption === undefined ? image : `${image}\n\n${markdown(item.caption)}`
    }
    case 'pictures':
      return pictures(item.pictures, item.title)
    case 'code': {
      const ticks = fence(item.code, 3)
      return `${ticks}\n${visible(item.code)}\n${ticks}`
    }
    case 'details': {
      const inner = item.blocks.map(inner => block(inner, marks)).join('\n\n')
      return `<details><summary>${escapeMarkdown(item.summary)}</summary>\n\n${inner}\n\n</details>`
    }
  }
}

const section = ({ title, blocks, sections = [] }: Section, level: number, marks: Marks): string =>
  [
    `${'#'.repeat(level)} ${escapeMarkdown(title)}`,
    ...blocks.map(item => block(item, marks)),
    ...sections.map(inner => section(inner, level + 1, marks)),
  ].join('\n\n')

/** The whole file. */
export function writeMarkdown(report: ReportDocument): string {
  const marks = marksOf(report.language)
  return `${[
    `# ${escapeMarkdown(report.title)}`,
    escapeMarkdown(report.subtitle),
    ...report.lead.map(item => block(item, marks)),
    ...report.sections.map(part => section(part, 2, marks)),
    escapeMarkdown(report.footer),
  ].join('\n\n')}\n`
}
