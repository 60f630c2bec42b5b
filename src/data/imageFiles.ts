/** Lists folders and the image files below them, following links without running in circles. */
import { existsSync } from 'node:fs'
import { open, readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { RegraftError } from '../base/errors.js'
import { forEachBounded } from './bounded.js'
import { byCodePoint } from './codePoints.js'
import { hasImageExtension, imageFormat, SIGNATURE_BYTES } from './imageFormat.js'

/** Names in one folder, without hidden ones. */
export interface FolderContent {
  readonly folders: readonly string[]
  readonly files: readonly string[]
}

/** Folders and files in a folder; links count as what they lead to, broken ones are left out. */
export async function folderContent(folder: string): Promise<FolderContent> {
  const folders: string[] = []
  const files: string[] = []
  for (const entry of await entriesOf(folder)) {
    if (entry.name.startsWith('.')) continue
    if (entry.name.includes('\ufffd') && !existsSync(join(folder, entry.name)))
      throw new RegraftError('data', `the name ${join(folder, entry.name)} is not UTF-8; rename it`)
    const target = entry.isSymbolicLink() ? await stat(join(folder, entry.name)).catch(() => undefined) : entry
    if (target?.isDirectory()) folders.push(entry.name)
    else if (target?.isFile()) files.push(entry.name)
  }
  return { folders, files }
}

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
}

const OPEN_FILES = 32

/** The images at any depth below a folder. Only files whose names do not say that they are images are opened. */
export async function imagesBelow(folder: string): Promise<FoundImages> {
  const images: string[] = []
  const unclear: string[] = []
  const seen = new Set<string>()
  const visit = async (path: string): Promise<void> => {
    const real = await realpath(join(folder, path))
    if (seen.has(real)) return
    seen.add(real)
    const content = await folderContent(join(folder, path))
    for (const name of content.files) (hasImageExtension(name) ? images : unclear).push(path + name)
    for (const name of content.folders) await visit(`${path}${name}/`)
  }
  await visit('')
  let ignored = 0
  await forEachBounded(unclear, OPEN_FILES, async path => {
    if (await startsAsImage(join(folder, path))) images.push(path)
    else ignored++
  })
  return { images: images.sort(byCodePoint), ignored }
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
