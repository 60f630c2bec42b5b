/** Opens one entry of a zip file as a stream. */
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import yauzl from 'yauzl'
import { RegraftError } from '../../base/errors.js'

const openZip = promisify<string, yauzl.Options, yauzl.ZipFile>(yauzl.open)

/**
 * The content of an entry. yauzl checks names, and that the entry has the size that it claims.
 * @throws RegraftError if the file is no zip file or has no such entry
 */
export async function openZipEntry(path: string, name: string): Promise<Readable> {
  let zip: yauzl.ZipFile
  try {
    zip = await openZip(path, { lazyEntries: true, autoClose: false })
  } catch (error) {
    throw new RegraftError('data', `${path} cannot be read as a zip file (${messageOf(error)})`, { cause: error })
  }
  try {
    const stream = await new Promise<Readable>((resolve, reject) => {
      zip.on('error', reject)
      zip.on('end', () => reject(new Error(`there is no ${name} in it`)))
      zip.on('entry', (entry: yauzl.Entry) => {
        if (entry.fileName !== name) zip.readEntry()
        else zip.openReadStream(entry, (error, stream) => (error === null ? resolve(stream) : reject(error)))
      })
      zip.readEntry()
    })
    stream.on('close', () => zip.close())
    return stream
  } catch (error) {
    zip.close()
    throw new RegraftError('data', `${path} cannot be unpacked (${messageOf(error)})`, { cause: error })
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
