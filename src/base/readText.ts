/** Reads text files of folders that may come from elsewhere: regular files alone, and none that is larger than it has a reason to be. */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { RegraftError } from './errors.js'

/** A split of a million images is a tenth of it. */
const MOST_BYTES = 256 * 1024 * 1024

/** How a file is opened that may be a pipe: it is not waited for. */
export const readingAtOnce = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)

/**
 * Opens a file for reading; a pipe is not waited for.
 * @throws Error with a reason in a few words where it is no regular file; what the file system says otherwise
 */
export async function openRegular(path: string): Promise<FileHandle> {
  const file = await open(path, readingAtOnce)
  try {
    if (!(await file.stat()).isFile()) throw new Error('it is no file')
    return file
  } catch (error) {
    await file.close()
    throw error
  }
}

/** Undefined where there is no such file. @throws RegraftError('run') where it cannot be read, or is too large */
export async function readText(path: string, mostBytes = MOST_BYTES): Promise<string | undefined> {
  let file: FileHandle | undefined
  try {
    file = await openRegular(path)
    const { size } = await file.stat()
    if (size > mostBytes) throw new Error(`it has ${size.toLocaleString('en')} bytes`)
    return await file.readFile('utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    const why = code === 'EACCES' || code === 'EPERM' ? 'permission denied' : message
    throw new RegraftError('run', `${path} cannot be read (${why}); put it right, or remove its folder`, {
      cause: error,
    })
  } finally {
    await file?.close()
  }
}
