/** Lists folders and the image files below them, following links without running in circles. */
import { existsSync } from 'node:fs'
import { open, readdir, realpath, stat } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { RegraftError } from '../../base/errors.js'
import { forEachBounded } from '../bounded.js'
import { hasImageExtension, imageFormat, SIGNATURE_BYTES, unreadFormat } from '../decode/imageFormat.js'
import { byCodePoint } from './codePoints.js'

/** Folders that systems leave beside what people put there: of archives from macOS, of network storage, of disks. */
const leftBySystems = new Set([
  '__MACOSX',
  '@eaDir',
  '#recycle',
  '@Recycle',
  'lost+found',
  '$RECYCLE.BIN',
  'System Volume Information',
])

/** Names in one folder, without hidden ones and those that systems leave. */
export interface FolderContent {
  readonly folders: readonly string[]
  readonly files: readonly string[]
  /** Folders whose names begin with a dot. */
  readonly hidden: readonly string[]
  /** Names that are not UTF-8, as far as they can be read: nothing can open them. */
  readonly unnamable: readonly string[]
}

/** Folders and files in a folder; links count as what they lead to; broken ones, and those to a folder that holds them, are left out. */
export async function folderContent(folder: string): Promise<FolderContent> {
  const folders: string[] = []
  const files: string[] = []
  const unnamable: string[] = []
  const hidden: string[] = []
  for (const entry of await entriesOf(folder)) {
    if (entry.name.startsWith('.') && entry.isDirectory()) hidden.push(entry.name)
    if (entry.name.startsWith('.') || leftBySystems.has(entry.name)) continue
    if (entry.name.includes('\ufffd') && !existsSync(join(folder, entry.name))) {
      unnamable.push(entry.name)
      continue
    }
    const target = entry.isSymbolicLink() ? await stat(join(folder, entry.name)).catch(() => undefined) : entry
    if (target?.isDirectory()) {
      if (!entry.isSymbolicLink() || !(await holds(join(folder, entry.name), folder))) folders.push(entry.name)
    }
    if (target?.isFile()) files.push(entry.name)
  }
  return { folders, files, hidden, unnamable }
}

/** Whether the one folder is the other, or above it, wherever links lead. */
async function holds(outer: string, inner: string): Promise<boolean> {
  return isAbove(await realpath(outer), await realpath(inner))
}

const isAbove = (outer: string, inner: string): boolean =>
  `${inner}${sep}`.startsWith(outer.endsWith(sep) ? outer : `${outer}${sep}`)

async function entriesOf(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT')
      throw new RegraftError('data', `there is no folder ${folder}; check the path`, { cause: error })
    if (code === 'ENOTDIR') throw new RegraftError('data', `${folder} is a file, not a folder`, { cause: error })
    if (code === 'EACCES' || code === 'EPERM') {
      throw new RegraftError('data', `no permission to read the folder ${folder}`, { cause: error })
    }
    if (code === 'ELOOP')
      throw new RegraftError('data', `the link ${folder} leads in a circle; check the path`, { cause: error })
    throw error
  }
}

/** Image files below a folder. */
export interface FoundImages {
  /** Relative paths with '/', sorted by code point. */
  readonly images: readonly string[]
  /** How many other files there are. */
  readonly ignored: number
  /** How many of them are images by their names, of formats that are not read: HEIC → 40. */
  readonly unread: ReadonlyMap<string, number>
  /** Relative paths whose names are not UTF-8. */
  readonly unnamable: readonly string[]
}

const OPEN_FILES = 32

/** The images at any depth below a folder. Only files whose names do not say that they are images are opened. */
export async function imagesBelow(folder: string): Promise<FoundImages> {
  const images: string[] = []
  const unclear: string[] = []
  const unnamable: string[] = []
  const seen = new Set<string>()
  const visit = async (path: string, holders: readonly string[]): Promise<void> => {
    const real = await realpath(join(folder, path))
    if (seen.has(real) || holders.some(holder => isAbove(real, holder))) return
    seen.add(real)
    const content = await folderContent(join(folder, path))
    for (const name of content.unnamable) unnamable.push(path + name)
    for (const name of content.files) (hasImageExtension(name) ? images : unclear).push(path + name)
    for (const name of content.folders) await visit(`${path}${name}/`, [...holders, real])
  }
  // What holds the folder by its name need not hold it on the disk
  await visit('', [await realpath(dirname(folder))])
  let ignored = 0
  const unread = new Map<string, number>()
  await forEachBounded(unclear, OPEN_FILES, async path => {
    if (await startsAsImage(join(folder, path))) images.push(path)
    else {
      ignored++
      const format = unreadFormat(path)
      if (format !== undefined) unread.set(format, (unread.get(format) ?? 0) + 1)
    }
  })
  return { images: images.sort(byCodePoint), ignored, unread, unnamable }
}

async function startsAsImage(path: string): Promise<boolean> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(SIGNATURE_BYTES), 0, SIGNATURE_BYTES, 0)
    return imageFormat(buffer.subarray(0, bytesRead)) !== undefined
  } finally {
    await file.close()
  }
}

/** Folders below one another in which images are looked for by their names alone. */
const NAMED_DEPTH = 3

/** Whether a folder, or one below it, holds a file that is named as an image. */
export async function holdsNamedImages(folder: string, depth = NAMED_DEPTH): Promise<boolean> {
  const { files, folders } = await folderContent(folder)
  if (files.some(hasImageExtension)) return true
  for (const name of depth > 1 ? folders : []) if (await holdsNamedImages(join(folder, name), depth - 1)) return true
  return false
}
