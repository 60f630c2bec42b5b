/** Unpacks a tar.gz from a source that is not trusted: plain files and folders only, none outside, bounded in number and size. */
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import tar from 'tar-stream'
import { RegraftError } from '../../base/errors.js'

/** Bounds of an archive: how many entries, how many bytes when decompressed. */
export interface UnpackLimits {
  readonly entries: number
  readonly bytes: number
}

/** Several times what Caltech-101 needs. */
const defaultLimits: UnpackLimits = { entries: 50_000, bytes: 1024 ** 3 }

/**
 * Unpacks into a folder that is there and empty.
 * @returns MD5 of the compressed bytes, hexadecimal
 * @throws RegraftError if an entry is a link or a device, would leave the folder, or the archive is damaged or too large
 */
export async function unpackTarGz(source: Readable, folder: string, limits = defaultLimits): Promise<string> {
  const hash = createHash('md5')
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  const unpack = async (bytes: AsyncIterable<Buffer>): Promise<void> => {
    const extract = tar.extract()
    const feed = pipeline(bytes, extract)
    // If an entry is refused, the loop below ends first
    feed.catch(() => {})
    let entries = 0
    for await (const entry of extract) {
      const { name } = entry.header
      if (++entries > limits.entries) throw refused(`more than ${limits.entries} entries`)
      const path = join(folder, ...safeParts(name))
      if (entry.header.type === 'directory') {
        await mkdir(path, { recursive: true })
        entry.resume()
      } else if (entry.header.type === 'file' || entry.header.type === 'contiguous-file') {
        await mkdir(dirname(path), { recursive: true })
        await pipeline(entry, createWriteStream(path))
      } else throw refused(`${name} is a ${entry.header.type}`)
    }
    await feed
  }
  try {
    await pipeline(source, hashing, createGunzip(), bounded(limits.bytes), unpack)
  } catch (error) {
    if (error instanceof RegraftError) throw error
    throw new RegraftError(
      'data',
      `the archive is damaged (${error instanceof Error ? error.message : String(error)})`,
      {
        cause: error,
      },
    )
  }
  return hash.digest('hex')
}

/** Passes bytes on, up to a limit: headers count too, since some of them are held in memory. */
function bounded(limit: number): Transform {
  let total = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      total += chunk.length
      if (total > limit) done(refused(`more than ${limit} bytes`))
      else done(null, chunk)
    },
  })
}

function safeParts(name: string): string[] {
  const parts = name
    .replace(/^(\.\/)+/, '')
    .replace(/\/+$/, '')
    .split('/')
  // Backslashes and colons are separators and drives on Windows
  const unsafe = (part: string) => part === '..' || part === '.' || part === '' || /[\\:\0]/.test(part)
  if (name !== '../' && parts.some(unsafe)) throw refused(`${JSON.stringify(name)} would leave its folder`)
  return parts.filter(part => part !== '' && part !== '.')
}

function refused(reason: string): RegraftError {
  return new RegraftError('data', `the archive was not unpacked: ${reason}`)
}
