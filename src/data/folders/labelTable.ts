/** Reads the table of a CSV file: its records, and what its columns are. */
import { readFile, stat } from 'node:fs/promises'
import { CsvError, parse } from 'csv-parse/sync'
import { RegraftError } from '../../base/errors.js'

/** One record with something in it. */
export interface TableRecord {
  readonly fields: readonly string[]
  /** The line on which it ends, from 1. */
  readonly line: number
}

/** Which column holds what: either one with labels, or one for each class with 0 and 1. */
export interface Columns {
  readonly path: number
  readonly label: number | readonly { readonly column: number; readonly name: string }[]
  /** -1 where there is none. */
  readonly split: number
}

export interface LabelTable {
  readonly columns: Columns
  /** Without headings. */
  readonly records: readonly TableRecord[]
  /** Whether the first row was taken for headings. */
  readonly headed: boolean
}

const MAX_FILE_BYTES = 256 * 1024 * 1024
const MAX_ROW_CHARACTERS = 64 * 1024
const SHOWN = 80

/** What is expected, for those who wrote something else. */
export const EXAMPLE = 'a right line is cats/1.jpg,cat or cats/1.jpg,cat,train'

/** Names of columns; of several for a path, the first kind that is there counts. */
const headings: readonly (readonly [kind: 'path' | 'label' | 'split', names: readonly string[]])[] = [
  ['path', ['path', 'file', 'filename', 'filepath', 'file_path', 'file_name', 'image', 'image_path', 'img_path']],
  ['path', ['image_name', 'imagename', 'image_id', 'imageid', 'img', 'photo', 'picture']],
  ['path', ['id', 'name']],
  ['label', ['label', 'class', 'category', 'class_name', 'breed', 'species']],
  ['split', ['split', 'subset']],
]

/** @throws RegraftError where it is no table, or nobody could say which column is what */
export async function labelTable(csvPath: string): Promise<LabelTable> {
  const records = recordsOf(csvPath, await textOf(csvPath))
  const [first] = records
  if (first === undefined) return { columns: { path: 0, label: 1, split: 2 }, records, headed: false }
  const names = first.fields.map(name => name.trim().toLowerCase())
  const find = (kind: string) => {
    for (const [of, known] of headings) {
      const at = of === kind ? names.findIndex(name => known.includes(name)) : -1
      if (at >= 0) return at
    }
    return -1
  }
  const [path, label, split] = [find('path'), find('label'), find('split')]
  const body = records.slice(1)
  if (path >= 0 && label >= 0) return { columns: { path, label, split }, records: body, headed: true }
  const rest = names.flatMap((_, column) => (column === path || column === split ? [] : [column]))
  if (path < 0 || body.length === 0 || rest.length === 0)
    return { columns: { path: 0, label: 1, split: 2 }, records, headed: false }
  if (rest.length === 1) return { columns: { path, label: rest[0]!, split }, records: body, headed: true }
  const classes = rest.map(column => ({ column, name: first.fields[column]!.trim() }))
  if (classes.every(({ column }) => body.every(({ fields }) => isMark(fields[column] ?? ''))))
    return { columns: { path, label: classes, split }, records: body, headed: true }
  throw new RegraftError(
    'data',
    `${csvPath}, line ${first.line}: no column is called label (${shown(first)}); call the one with the classes label, or give each class a column of 0 and 1`,
  )
}

/** Whether a field can stand in a column of one class. */
const isMark = (field: string): boolean => /^\s*([01](\.0*)?)?\s*$/.test(field)

/** Whether a field of such a column says that the image shows the class. */
export const isMarked = (field: string): boolean => /^\s*1/.test(field)

/** A line as it stands there, as far as it helps. */
export function shown({ fields }: TableRecord): string {
  const text = fields.join(',')
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text
}

async function textOf(csvPath: string): Promise<string> {
  const found = await stat(csvPath).catch(() => undefined)
  if (found === undefined) throw new RegraftError('data', `there is no file ${csvPath}`)
  if (!found.isFile()) throw new RegraftError('data', `${csvPath} is not a file; give a CSV of paths and labels`)
  if (found.size > MAX_FILE_BYTES) {
    throw new RegraftError(
      'data',
      `${csvPath} is larger than ${MAX_FILE_BYTES / 1024 / 1024} MB; is it a list of images?`,
    )
  }
  try {
    // It drops a byte order mark
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(csvPath))
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new RegraftError('data', `${csvPath} is not UTF-8 text; save it as "CSV UTF-8"`, { cause: error })
  }
}

function recordsOf(csvPath: string, text: string): TableRecord[] {
  try {
    const options = {
      info: true,
      skip_empty_lines: true,
      relax_column_count: true,
      max_record_size: MAX_ROW_CHARACTERS,
      record_delimiter: ['\r\n', '\n', '\r'],
      delimiter: delimiterOf(text),
    }
    // Its types do not know what `info` makes of the records
    const records = parse(text, options) as unknown as { record: string[]; info: { lines: number } }[]
    return records.map(({ record, info }) => ({ fields: record, line: info.lines }))
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    throw new RegraftError('data', `${csvPath} is not a CSV file: ${error.message}`, { cause: error })
  }
}

/** What parts the fields of the first line that has some; spreadsheets of many countries write semicolons. */
function delimiterOf(text: string): string {
  const [first = ''] = /\S[^\r\n]*/.exec(text) ?? []
  const plain = first.replace(/"(?:[^"]|"")*"/g, '')
  return ['\t', ',', ';'].find(one => plain.includes(one)) ?? ','
}
