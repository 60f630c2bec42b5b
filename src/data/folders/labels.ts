/** Reads a CSV file of paths and labels as a data set: the second way in, beside folders of classes. */
import { readFile, stat } from 'node:fs/promises'
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path'
import { CsvError, parse } from 'csv-parse/sync'
import { csvText } from '../../base/csv.js'
import { RegraftError } from '../../base/errors.js'
import { forEachBounded } from '../bounded.js'
import type { Dataset, ImageSample } from '../dataset.js'
import { type Part, partNamed } from '../split/parts.js'
import { byCodePoint } from './codePoints.js'

/** Options of `labelledImages`. */
export interface LabelledImagesOptions {
  /** The folder that paths start from; by default the one that holds the CSV file. */
  readonly root?: string
}

/** One row with something in it. */
interface Row {
  /** The line on which it ends, from 1. */
  readonly line: number
  readonly path: string
  readonly label: string
  readonly part: Part | undefined
}

const MAX_FILE_BYTES = 256 * 1024 * 1024
const MAX_ROW_CHARACTERS = 64 * 1024
const OPEN_FILES = 32
const NAMED = 10

const headings = new Map<string, 'path' | 'label' | 'split'>([
  ['path', 'path'],
  ['file', 'path'],
  ['filename', 'path'],
  ['filepath', 'path'],
  ['file_path', 'path'],
  ['file_name', 'path'],
  ['image', 'path'],
  ['image_path', 'path'],
  ['label', 'label'],
  ['class', 'label'],
  ['category', 'label'],
  ['split', 'split'],
  ['subset', 'split'],
])

/**
 * A data set from a CSV file (RFC 4180: commas; or tabs, or semicolons without a comma, where the first line has them; double quotes; UTF-8,
 * with or without a byte order mark; any line ends). Each row
 * is a path, a label and, if wanted, a part: train, val (valid, validation) or test. A first row of headings (path, file,
 * filename, image or their like; label, class or category; split or subset) is recognised, gives the order, and may name more columns, which are
 * ignored. Space around labels and parts is dropped. Equal rows count once.
 *
 * Fields that Regraft's own tables defuse with an apostrophe for spreadsheets are read as they were.
 *
 * Paths are below the root: relative ones with '/' (or, from Windows, with '\\' and no '/'), or absolute ones that lead into it. Others are refused, also where the
 * file is there: what a list from elsewhere may name is decided by whoever gives the root. Links are followed, as in
 * folders. With parts, every row has one, and they are the split; `split` takes a part that is missing from training.
 * @throws RegraftError with the line's number, for whatever is wrong in it
 */
export async function labelledImages(csvPath: string, options: LabelledImagesOptions = {}): Promise<Dataset> {
  const root = options.root ?? dirname(csvPath)
  const rows = unique(rowsOf(csvPath, root, await textOf(csvPath)), csvPath)
  const classes = [...new Set(rows.map(({ label }) => label))].sort(byCodePoint)
  if (classes.length < 2) {
    const found = classes.length === 0 ? 'no rows' : `one class only (${classes[0]})`
    throw new RegraftError('data', `${csvPath} has ${found}: a classifier needs images of at least two classes`)
  }
  await checkFiles(rows, csvPath, root)
  const labels = new Map(classes.map((name, label) => [name, label]))
  const samples: ImageSample[] = rows.map(({ path, label }) => ({ path, label: labels.get(label)! }))
  if (rows.every(({ part }) => part === undefined)) return { root, classes, samples }
  const predefined = { train: [] as number[], val: [] as number[], test: [] as number[] }
  for (const [index, { part, line }] of rows.entries()) {
    if (part === undefined) throw at(csvPath, line, 'has no split, other rows have one; write train, val or test')
    predefined[part].push(index)
  }
  const trained = new Set(predefined.train.map(index => samples[index]!.label))
  const untrained = classes.find((_, label) => !trained.has(label))
  if (untrained !== undefined) {
    throw new RegraftError('data', `${csvPath}: class ${untrained} has no row for train; add one or remove the class`)
  }
  return { root, classes, samples, predefined, predefinedBy: 'labels' }
}

const at = (csvPath: string, line: number, what: string) =>
  new RegraftError('data', `${csvPath}, line ${line}: ${what}`)

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

function rowsOf(csvPath: string, root: string, text: string): Row[] {
  const records = recordsOf(csvPath, text)
  const named = records[0]?.record.map(name => headings.get(name.trim().toLowerCase())) ?? []
  const headed = named.includes('path') && named.includes('label')
  const column = (kind: 'path' | 'label' | 'split', place: number) => (headed ? named.indexOf(kind) : place)
  const [path, label, split] = [column('path', 0), column('label', 1), column('split', 2)]
  return records.slice(headed ? 1 : 0).map(({ record, line }) => {
    if (!headed && (record.length < 2 || record.length > 3)) {
      throw at(csvPath, line, `has ${record.length} columns; expected path,label or path,label,split`)
    }
    const name = csvText(record[label]?.trim() ?? '')
    if (name === '') throw at(csvPath, line, 'has no label; write one or remove the row')
    if (/\p{Cc}/u.test(name))
      throw at(csvPath, line, 'has a label with a control character, such as a line end; rename it')
    const part = record[split]?.trim() ?? ''
    if (part !== '' && partNamed(part) === undefined) {
      throw at(csvPath, line, `has the split ${part}; write train, val or test`)
    }
    return {
      line,
      path: pathBelow(csvPath, line, root, csvText(record[path] ?? '')),
      label: name,
      part: partNamed(part),
    }
  })
}

function recordsOf(csvPath: string, text: string): { record: string[]; line: number }[] {
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
    return records.map(({ record, info }) => ({ record, line: info.lines }))
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

/** The path from the root, with '/' on every platform. */
function pathBelow(csvPath: string, line: number, root: string, given: string): string {
  const path = given.includes('/') ? given : given.replaceAll('\\', '/')
  if (path === '') throw at(csvPath, line, 'has no path; write one or remove the row')
  if (path.includes('\0')) throw at(csvPath, line, 'has a path with a zero byte')
  const below = relative(resolve(root), resolve(root, path))
  if (below === '' || below === '..' || below.startsWith(`..${sep}`) || isAbsolute(below)) {
    throw at(csvPath, line, `${path} is not below ${root}; move the image there, or give a root that holds all images`)
  }
  return below.split(sep).join('/')
}

/** Each path once. */
function unique(rows: readonly Row[], csvPath: string): Row[] {
  const known = new Map<string, Row>()
  for (const row of rows) {
    const before = known.get(row.path)
    if (before === undefined) known.set(row.path, row)
    else if (before.label !== row.label) {
      throw at(
        csvPath,
        row.line,
        `${row.path} is ${row.label} here and ${before.label} in line ${before.line}; keep one`,
      )
    } else if (before.part !== row.part) {
      throw at(csvPath, row.line, `${row.path} has another split here than in line ${before.line}; keep one`)
    }
  }
  return [...known.values()]
}

async function checkFiles(rows: readonly Row[], csvPath: string, root: string): Promise<void> {
  const missing: Row[] = []
  await forEachBounded(rows, OPEN_FILES, async row => {
    const found = await stat(resolve(root, row.path)).catch(() => undefined)
    if (!found?.isFile()) missing.push(row)
  })
  const [first, ...others] = missing.sort((a, b) => a.line - b.line)
  if (first === undefined) return
  const advice = `correct the paths, which start from ${root}, or remove the rows`
  if (others.length === 0) throw at(csvPath, first.line, `there is no file ${first.path}; ${advice}`)
  const lines = missing.slice(0, NAMED).map(({ line, path }) => `  line ${line}: ${path}`)
  if (missing.length > NAMED) lines.push(`  and ${missing.length - NAMED} more`)
  throw new RegraftError('data', `${csvPath}: ${missing.length} files are not there; ${advice}:\n${lines.join('\n')}`)
}
