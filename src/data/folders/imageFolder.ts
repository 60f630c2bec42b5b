/** Reads a folder of class folders as a data set, in the order in which PyTorch's ImageFolder reads it. */
import { join } from 'node:path'
import { RegraftError } from '../../base/errors.js'
import { plural } from '../../base/plural.js'
import { shellOption } from '../../base/shell.js'
import { closest } from '../../base/suggest.js'
import type { Dataset, ImageSample } from '../dataset.js'
import { hasImageExtension } from '../decode/imageFormat.js'
import { faulty } from '../faults.js'
import { type Part, partNamed } from '../split/parts.js'
import { byCodePoint } from './codePoints.js'
import { alikeWarnings, hiddenWarnings, unreadWarnings } from './folderWarnings.js'
import { type FolderContent, folderContent, imagesBelow } from './imageFiles.js'

/** Options of `imageFolder`. */
export interface ImageFolderOptions {
  /** Names of folders to leave out: classes, or whole parts such as `test`. */
  readonly exclude?: readonly string[]
  /** How many classes there have to be at least: 2, what a classifier needs; 1 where a trained one is only measured. */
  readonly fewestClasses?: 1 | 2
  /**
   * Leave what is wrong with single classes and names to `faults` of the data set, where `checkImages` finds it and tells
   * it beside images that cannot be decoded; by default it is an error here.
   */
  readonly keepFaults?: boolean
}

const LAYOUT = 'expected one folder per class with its images inside, such as cats/1.jpg and dogs/2.jpg'

/**
 * A data set from a folder. Each folder in it is a class; images are found at any depth below it. Files are images by
 * their name's extension, or by their first bytes where the name says nothing; others are counted as `ignored`. A file
 * that is named as an image and holds something else is a sample, so that `checkImages` can report it. Names that begin
 * with a dot are skipped.
 *
 * If the folder holds `train` (or `training`) and `val` (or `valid`, `validation`) or `test` (or `testing`), in any case and
 * each with class folders, they are used as the split. Classes are those of `train`; the other parts may lack some of them but have no others.
 * @throws RegraftError if the folder is not there or laid out otherwise, and with all that is wrong with its classes and names
 */
export async function imageFolder(root: string, options: ImageFolderOptions = {}): Promise<Dataset> {
  const exclude = new Set(options.exclude ?? [])
  const top = await folderContent(root)
  const parts = await partsOf(root, top, exclude)
  const known = new Set([...top.folders, ...top.hidden])
  const { fewestClasses = 2, keepFaults = false } = options
  const { faults, ...dataset } =
    parts === undefined
      ? await plain(root, top, exclude, fewestClasses)
      : await split(root, parts, exclude, known, fewestClasses)
  faults.push(...strangeExcludes(exclude, known))
  if (faults.length === 0) return dataset
  if (!keepFaults) throw faulty(root, faults)
  return { ...dataset, faults }
}

/** A data set, and what is wrong with it. */
type Found = Dataset & { readonly faults: string[] }

/** The folders that hold the parts of a split, or undefined where the folders are classes. */
async function partsOf(
  root: string,
  top: FolderContent,
  exclude: ReadonlySet<string>,
): Promise<ReadonlyMap<Part, string> | undefined> {
  const folders = top.folders.filter(name => !exclude.has(name))
  const parts = new Map<Part, string>()
  for (const name of folders) {
    const part = partNamed(name)
    if (part === undefined) continue
    const other = parts.get(part)
    if (other !== undefined)
      throw new RegraftError('data', `${root} has both ${other} and ${name}; pass ${shellOption('--exclude', name)}`)
    parts.set(part, name)
  }
  if (!parts.has('train') || parts.size < 2) return undefined
  const train = await folderContent(join(root, parts.get('train')!))
  // Classes may be called train and test too; then they hold images
  if (train.folders.length === 0) return undefined
  const strange = folders.find(name => partNamed(name) === undefined)
  if (strange !== undefined) {
    throw new RegraftError(
      'data',
      `${root} has ${[...parts.values()].join(', ')} and beside them ${strange}; pass ${shellOption('--exclude', strange)} to use the split`,
    )
  }
  return parts
}

async function plain(root: string, top: FolderContent, exclude: ReadonlySet<string>, fewest: number): Promise<Found> {
  const classes = top.folders.filter(name => !exclude.has(name)).sort(byCodePoint)
  await checkClasses(root, top, classes, fewest)
  const { samples, ignored, unread, faults } = await samplesOf(root, '', classes, classes)
  const hidden = top.hidden.filter(name => !exclude.has(name))
  const warnings = [...unreadWarnings(unread), ...alikeWarnings(classes), ...(await hiddenWarnings(root, hidden))]
  faults.push(...notUtf8(root, top.unnamable))
  return { root, classes, samples, ignored: ignored + top.files.length, warnings, faults }
}

async function split(
  root: string,
  parts: ReadonlyMap<Part, string>,
  exclude: ReadonlySet<string>,
  known: Set<string>,
  fewest: number,
): Promise<Found> {
  const samples: ImageSample[] = []
  const predefined: Record<Part, number[]> = { train: [], val: [], test: [] }
  let classes: readonly string[] = []
  let ignored = 0
  const warnings: string[] = []
  const faults: string[] = []
  for (const part of ['train', 'val', 'test'] as const) {
    const folder = parts.get(part)
    if (folder === undefined) continue
    const content = await folderContent(join(root, folder))
    for (const name of [...content.folders, ...content.hidden]) known.add(name)
    let names: readonly string[] = content.folders.filter(name => !exclude.has(name)).sort(byCodePoint)
    if (part === 'train') {
      classes = names
      await checkClasses(join(root, folder), content, classes, fewest)
    } else {
      if (names.length === 0) throw new RegraftError('data', `${join(root, folder)} has no class folders: ${LAYOUT}`)
      faults.push(...strangeClasses(join(root, folder), names, classes))
      names = names.filter(name => classes.includes(name))
    }
    const found = await samplesOf(root, `${folder}/`, names, classes, part !== 'train')
    predefined[part] = found.samples.map((_, i) => samples.length + i)
    for (const sample of found.samples) samples.push(sample)
    ignored += found.ignored + content.files.length
    faults.push(...found.faults, ...notUtf8(join(root, folder), content.unnamable))
    const hidden = content.hidden.filter(name => !exclude.has(name))
    warnings.push(
      ...unreadWarnings(new Map([...found.unread].map(([name, formats]) => [`${folder}/${name}`, formats]))),
      ...(await hiddenWarnings(join(root, folder), hidden)),
    )
  }
  return { root, classes, samples, predefined, ignored, warnings: [...warnings, ...alikeWarnings(classes)], faults }
}

async function samplesOf(
  root: string,
  prefix: string,
  names: readonly string[],
  classes: readonly string[],
  mayBeEmpty = false,
): Promise<{
  samples: ImageSample[]
  ignored: number
  unread: Map<string, ReadonlyMap<string, number>>
  faults: string[]
}> {
  const labels = new Map(classes.map((name, label) => [name, label]))
  const samples: ImageSample[] = []
  const unread = new Map<string, ReadonlyMap<string, number>>()
  const faults: string[] = []
  let ignored = 0
  for (const name of names) {
    const found = await imagesBelow(join(root, prefix + name))
    if (found.images.length === 0 && !mayBeEmpty) {
      const holds =
        found.ignored > 0
          ? ` that can be read among its ${plural(found.ignored, 'file')}; convert them to JPEG or PNG,`
          : '; add some'
      faults.push(`class ${name} has no images${holds} or pass ${shellOption('--exclude', name)}`)
    }
    faults.push(...notUtf8(join(root, prefix + name), found.unnamable))
    const label = labels.get(name)!
    for (const path of found.images) samples.push({ path: `${prefix}${name}/${path}`, label })
    ignored += found.ignored
    unread.set(name, found.unread)
  }
  return { samples, ignored, unread, faults }
}

async function checkClasses(
  root: string,
  content: FolderContent,
  classes: readonly string[],
  fewest: number,
): Promise<void> {
  if (classes.length >= fewest) return
  if (content.unnamable.length > 0) throw faulty(root, notUtf8(root, content.unnamable))
  if (classes.length === 1) {
    const meant = await classesBelow(join(root, classes[0]!))
    if (meant !== undefined)
      throw new RegraftError(
        'data',
        `${root} has one class only (${classes[0]}); ${meant.folder} holds ${meant.folders} folders and looks like what is meant: pass that`,
      )
    throw new RegraftError('data', `${root} has one class only (${classes[0]}): a classifier needs at least two`)
  }
  const holds = content.files.length > 0 ? `it holds ${plural(content.files.length, 'file')}` : 'it is empty'
  const instead = content.folders.length > 0 ? 'all are excluded' : holds
  const packed = content.files.find(name => /\.(zip|tar|tgz|tar\.gz)$/i.test(name))
  const advice = packed === undefined ? LAYOUT : `${packed} in it looks like what is meant; name that`
  throw new RegraftError('data', `${root} has no class folders (${instead}): ${advice}`)
}

/** The first folder, down a way of single folders, that holds several and no images. */
async function classesBelow(folder: string): Promise<{ folder: string; folders: number } | undefined> {
  const { folders, files } = await folderContent(folder)
  if (folders.length === 0 || files.some(hasImageExtension)) return undefined
  return folders.length > 1 ? { folder, folders: folders.length } : classesBelow(join(folder, folders[0]!))
}

const strangeClasses = (folder: string, names: readonly string[], classes: readonly string[]): string[] =>
  names
    .filter(name => !classes.includes(name))
    .map(
      name =>
        `${folder} has a class ${name} that train has not; add it to train or pass ${shellOption('--exclude', name)}`,
    )

const notUtf8 = (folder: string, names: readonly string[]): string[] =>
  names.map(name => `the name ${join(folder, name)} is not UTF-8; rename it`)

function strangeExcludes(exclude: ReadonlySet<string>, known: ReadonlySet<string>): string[] {
  return [...exclude]
    .filter(name => !known.has(name))
    .map(name => {
      const meant = closest(name, [...known])
      const advice = meant === undefined ? '' : `; did you mean ${meant}?`
      return `--exclude ${name}: there is no such folder${advice}`
    })
}
