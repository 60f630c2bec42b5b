/** Unpacks tar files, compressed or not, from a source that is not trusted. */
import { createHash } from 'node:crypto'
import { PassThrough, type Readable, type Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import tar from 'tar-stream'
import { RegraftError } from '../../base/errors.js'
import { bounded, makeFolder, quoted, refused, tooMany, type UnpackLimits, watched, writeEntry } from './unpacking.js'

/** Several times what Caltech-101 needs. */
const defaultLimits: UnpackLimits = { entries: 50_000, bytes: 1024 ** 3 }

/** Bytes of one block; a tar file ends with such of zeros. */
const BLOCK = 512

/**
 * Unpacks a tar.gz into a folder that is there and empty.
 * @returns MD5 of the compressed bytes, hexadecimal
 * @throws RegraftError as `unpackTar`
 */
export async function unpackTarGz(source: Readable, folder: string, limits = defaultLimits): Promise<string> {
  const hash = createHash('md5')
  await unpackTar(
    watched(source, chunk => hash.update(chunk)),
    'gzip',
    folder,
    limits,
  )
  return hash.digest('hex')
}

/**
 * Unpacks into a folder that is there and empty.
 * @throws RegraftError if an entry is a link or a device, would leave the folder, or the archive is damaged, cut off or too large
 */
export async function unpackTar(
  source: AsyncIterable<Buffer>,
  compression: 'gzip' | 'none',
  folder: string,
  limits: UnpackLimits,
  signal?: AbortSignal,
): Promise<void> {
  let end = Buffer.alloc(0)
  const unpack = async (bytes: AsyncIterable<Buffer>): Promise<void> => {
    const extract = tar.extract()
    const blocks = async function* () {
      for await (const chunk of bytes) {
        end = Buffer.concat([end, chunk]).subarray(-BLOCK)
        yield chunk
      }
    }
    const feed = pipeline(blocks, extract)
    // If an entry is refused, the loop below ends first
    feed.catch(() => {})
    let entries = 0
    for await (const entry of extract) {
      const { name, type } = entry.header
      if (++entries > limits.entries) throw tooMany(limits)
      if (type === 'directory') {
        await makeFolder(folder, name)
        entry.resume()
      } else if (type === 'file' || type === 'contiguous-file') await writeEntry(folder, name, entry)
      else throw refused(`${quoted(name)} is a ${type}${type === 'symlink' || type === 'link' ? advice : ''}`)
    }
    await feed
    if (end.length < BLOCK || end.some(byte => byte !== 0))
      throw refused('it is cut off: its end mark is missing; copy or download it again')
  }
  const decompress: Transform = compression === 'gzip' ? createGunzip() : new PassThrough()
  try {
    await pipeline(source, decompress, bounded(limits), unpack, { ...(signal ? { signal } : {}) })
  } catch (error) {
    if (error instanceof RegraftError) throw error
    signal?.throwIfAborted()
    if ((error as NodeJS.ErrnoException).syscall !== undefined) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new RegraftError('data', `the archive is damaged or cut off (${reason}); copy or download it again`, {
      cause: error,
    })
  }
}

const advice = '; pack the files themselves (tar --dereference --hard-dereference)'
