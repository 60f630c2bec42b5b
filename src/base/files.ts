/** Writing files so that a crash at any moment leaves the old content or the new, never half of it. */
import { randomBytes } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'
import { RegraftError } from './errors.js'

/** Writes, and tells in words what a person can do about where the file system refuses. */
export async function writing<T>(path: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG')
      throw new RegraftError(
        'run',
        `${path} cannot be written: ${code === 'EFBIG' ? 'files may not become so large here' : 'the disk is full'}; what was there before is unharmed. Make room, then go on (a run: regraft train --resume FOLDER)`,
      )
    if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM')
      throw new RegraftError('run', `${path} cannot be written: permission denied; choose another folder`)
    const why = unusable[code ?? '']
    if (why !== undefined) throw new RegraftError('run', `${path} cannot be written: ${why}`)
    throw error
  }
}

/** What is wrong with a path itself. */
const unusable: Readonly<Record<string, string>> = {
  ENOENT: 'no file can be made there; choose another folder',
  ENOTDIR: 'a part of it is a file; choose another folder',
  EEXIST: 'there is a file where a folder should be; choose another folder',
  EISDIR: 'that is a folder; name a file',
  ENAMETOOLONG: 'the name is too long; choose a shorter one',
  ELOOP: 'its links lead in a circle; choose another folder',
}

const guards = new Map<string, () => Promise<void>>()

/**
 * Asks before every write into a folder or below it, from here on in this process, until what is returned is called.
 * @param ask rejects where this process may write there no longer
 */
export function guardWrites(folder: string, ask: () => Promise<void>): () => void {
  const path = resolve(folder)
  guards.set(path, ask)
  return () => void guards.delete(path)
}

/** @throws what a guard of the file's folder says */
export async function mayWrite(path: string): Promise<void> {
  const file = resolve(path)
  for (const [folder, ask] of guards) if (file === folder || file.startsWith(folder + sep)) await ask()
}

/** Writes aside, flushes to the disk and renames; `write` may write in several pieces. The folder is made if missing. */
export const replaceFile = (path: string, write: (file: FileHandle) => Promise<void>): Promise<void> =>
  writing(path, async () => {
    await mkdir(dirname(path), { recursive: true })
    // Machines that share a folder may have processes of the same number
    const aside = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.part`
    const file = await open(aside, 'w')
    try {
      try {
        await write(file)
        await file.sync()
      } finally {
        await file.close()
      }
      await mayWrite(path)
      await rename(aside, path)
    } catch (error) {
      await rm(aside, { force: true })
      throw error
    }
  })

/**
 * Removes what writers that were killed left aside in a folder. Only for the one process that writes there: what another
 * one is writing would go, too.
 */
export async function removeLeftovers(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  // What cannot be removed only takes room.
  for (const entry of entries)
    if (entry.isFile() && /\.\d+(-[0-9a-f]+)?\.part$/.test(entry.name))
      await rm(join(folder, entry.name)).catch(() => {})
}

/** As `replaceFile`, for content that is at hand. */
export const writeFileAtomic = (path: string, content: string | Uint8Array): Promise<void> =>
  replaceFile(path, file => file.writeFile(content))

/** Writes a value as JSON with two spaces and a newline at the end. */
export const writeJson = (path: string, value: unknown): Promise<void> =>
  writeFileAtomic(path, `${JSON.stringify(value, null, 2)}\n`)
