/** Reads a CSV file of paths and labels as a data set: the second way in, beside folders of classes. */
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path'
import { csvText } from '../../base/csv.js'
import { RegraftError } from '../../base/errors.js'
import type { Dataset, ImageSample } from '../dataset.js'
import { faulty } from '../faults.js'
import { type Part, partNamed } from '../split/parts.js'
import { byCodePoint } from './codePoints.js'
import { labelFiles } from './labelFiles.js'
import { type Columns, EXAMPLE, isMarked, labelTable, shown, type TableRecord } from './labelTable.js'

/** Options of `labelledImages`. */
export interface LabelledImagesOptions {
  /** The folder that paths start from; by default the one that holds the CSV file. */
  readonly root?: string
  /** As for `imageFolder`: what is wrong with single rows becomes `faults` of the data set. */
  readonly keepFaults?: boolean
  /** As for `imageFolder`. */
  readonly fewestClasses?: 1 | 2
}

/** One row with something in it. */
interface Row {
  readonly line: number
  readonly path: string
  readonly label: string
  readonly part: Part | undefined
}

/**
 * A data set from a CSV file (RFC 4180: commas; or tabs, or semicolons without a comma, where the first line has them; double quotes; UTF-8,
 * with or without a byte order mark; any line ends). Each row
 * is a path, a label and, if wanted, a part: train, val (valid, validation) or test. A first row of headings (path, file,
 * filename, image, id or their like; label, class, category, breed or species; split or subset) is recognised, gives the order, and
 * may name more columns, which are ignored. Where it names a path and no label, the label is the only other column, or
 * there is one column for each class, with 1 in exactly one of them. Space around labels and parts is dropped. Equal rows count once.
 *
 * Fields that Regraft's own tables defuse with an apostrophe for spreadsheets are read as they were.
 *
 * Paths are below the root: relative ones with '/' (or, from Windows, with '\\' and no '/'), or absolute ones that lead into it. Others are refused, also where the
 * file is there: what a list from elsewhere may name is decided by whoever gives the root. Where the extension is missing, it
 * is the one of the only image of that name. Links are followed, as in
 * folders. With parts, every row has one, and they are the split; `split` takes a part that is missing from training.
 * @throws RegraftError with all that is wrong with its rows, each with its line
 */
export async function labelledImages(csvPath: string, options: LabelledImagesOptions = {}): Promise<Dataset> {
  const { root = dirname(csvPath), keepFaults = false, fewestClasses = 2 } = options
  const { columns, records, headed } = await labelTable(csvPath)
  const faults: string[] = []
  const tell = (line: number, what: string) => void faults.push(`${csvPath}, line ${line}: ${what}`)
  const rows: Row[] = []
  for (const record of records) {
    const row = rowOf(record, columns, headed, root)
    if (typeof row === 'string') tell(record.line, row)
    else rows.push(row)
  }
  const listed = unique(rows, tell)
  const classes = [...new Set(listed.map(({ label }) => label))].sort(byCodePoint)
  if (classes.length < fewestClasses) {
    if (faults.length > 0) throw faulty(csvPath, faults)
    const found = classes.length === 0 ? 'no rows' : `one class only (${classes[0]})`
    throw new RegraftError('data', `${csvPath} has ${found}: a classifier needs images of at least two classes`)
  }
  const there = await withFiles(listed, root, headed ? undefined : records[0]?.line, tell)
  const labels = new Map(classes.map((name, label) => [name, label]))
  const samples: ImageSample[] = there.map(({ path, label }) => ({ path, label: labels.get(label)! }))
  const predefined = partsOf(there, tell)
  if (predefined && fewestClasses > 1)
    for (const name of untrained(listed))
      faults.push(`${csvPath}: class ${name} has no row for train; add one or remove the class`)
  if (faults.length > 0 && !keepFaults) throw faulty(csvPath, faults)
  const unused = typeof columns.label === 'number' ? [] : columns.label.filter(({ name }) => !labels.has(name))
  return {
    root,
    classes,
    samples,
    ...(predefined ? { predefined, predefinedBy: 'labels' } : {}),
    ...(faults.length > 0 ? { faults } : {}),
    ...(unused.length > 0
      ? { warnings: unused.map(({ name }) => `${csvPath}: the column ${name} has no 1: it is no class`) }
      : {}),
  }
}

/** The row of a record, or what is wrong with it. */
function rowOf(record: TableRecord, columns: Columns, headed: boolean, root: string): Row | string {
  const { fields, line } = record
  if (!headed && (fields.length < 2 || fields.length > 3))
    return `has ${fields.length} columns; expected path,label or path,label,split (${shown(record)}); ${EXAMPLE}`
  const label = labelOf(fields, columns)
  if (typeof label !== 'string') return label.wrong
  const part = fields[columns.split]?.trim() ?? ''
  if (part !== '' && partNamed(part) === undefined)
    return `has the split ${part}; write train, val or test (${shown(record)}); ${EXAMPLE}`
  const path = pathBelow(root, csvText(fields[columns.path] ?? ''))
  return typeof path === 'string' ? { line, path, label, part: partNamed(part) } : path.wrong
}

/** What is wrong, where a text is what is right. */
interface Wrong {
  readonly wrong: string
}

function labelOf(fields: readonly string[], { label }: Columns): string | Wrong {
  if (typeof label !== 'number') {
    const marked = label.filter(({ column }) => isMarked(fields[column] ?? ''))
    if (marked.length === 1) return marked[0]!.name
    const which =
      marked.length === 0
        ? 'no column of a class'
        : `${marked.length} columns (${marked.map(({ name }) => name).join(', ')})`
    return { wrong: `has a 1 in ${which}; an image is of exactly one class: correct or remove the row` }
  }
  const name = csvText(fields[label]?.trim() ?? '')
  if (name === '') return { wrong: 'has no label; write one or remove the row' }
  if (/\p{Cc}/u.test(name)) return { wrong: 'has a label with a control character, such as a line end; rename it' }
  return name
}

/** The path from the root, with '/' on every platform. */
function pathBelow(root: string, given: string): string | Wrong {
  const path = given.includes('/') ? given : given.replaceAll('\\', '/')
  if (path === '') return { wrong: 'has no path; write one or remove the row' }
  if (path.includes('\0')) return { wrong: 'has a path with a zero byte' }
  const below = relative(resolve(root), resolve(root, path))
  if (below === '' || below === '..' || below.startsWith(`..${sep}`) || isAbsolute(below)) {
    return { wrong: `${path} is not below ${root}; move the image there, or give a root that holds all images` }
  }
  return below.split(sep).join('/')
}

type Tell = (line: number, what: string) => void

/** Each path once. */
function unique(rows: readonly Row[], tell: Tell): Row[] {
  const known = new Map<string, Row>()
  for (const row of rows) {
    const before = known.get(row.path)
    if (before === undefined) known.set(row.path, row)
    else if (before.label !== row.label)
      tell(row.line, `${row.path} is ${row.label} here and ${before.label} in line ${before.line}; keep one`)
    else if (before.part !== row.part)
      tell(row.line, `${row.path} has another split here than in line ${before.line}; keep one`)
  }
  return [...known.values()]
}

/** The rows whose files are there, with their extensions. @param first the line that may have been meant as headings */
async function withFiles(rows: readonly Row[], root: string, first: number | undefined, tell: Tell): Promise<Row[]> {
  const files = await labelFiles(
    root,
    rows.map(({ path }) => path),
  )
  const whole: Row[] = []
  for (const [i, row] of rows.entries()) {
    const file = files[i]!
    if (typeof file === 'string') whole.push({ ...row, path: file })
    else if (file.length > 0)
      tell(row.line, `${row.path} may be ${file.slice(0, 3).join(' or ')}; write the one that is meant`)
    else {
      const heading = row.line === first ? '; if this line holds headings, call them path and label' : ''
      tell(row.line, `there is no file ${row.path} below ${root}; correct the path or remove the row${heading}`)
    }
  }
  // With and without extension it is the same image
  return unique(whole, tell)
}

function partsOf(rows: readonly Row[], tell: Tell): Dataset['predefined'] {
  if (rows.every(({ part }) => part === undefined)) return undefined
  const predefined = { train: [] as number[], val: [] as number[], test: [] as number[] }
  for (const [index, { part, line }] of rows.entries())
    if (part === undefined) tell(line, 'has no split, other rows have one; write train, val or test')
    else predefined[part].push(index)
  return predefined
}

/** Classes of which no image trains. */
function untrained(rows: readonly Row[]): string[] {
  const trained = new Set(rows.filter(({ part }) => part === 'train').map(({ label }) => label))
  return [...new Set(rows.map(({ label }) => label))].filter(name => !trained.has(name)).sort(byCodePoint)
}
