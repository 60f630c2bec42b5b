/** Unpacks zip files from a source that is not trusted: everything that the directory says is checked before the first byte is written. */
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import yauzl from 'yauzl'
import { crc32 } from '../../base/crc32.js'
import { RegraftError } from '../../base/errors.js'
import {
  makeFolder,
  quoted,
  refused,
  safeParts,
  tooLarge,
  tooMany,
  type UnpackLimits,
  watched,
  writeEntry,
} from './unpacking.js'

/** With what the library gives and its types lack. */
type Entry = yauzl.Entry & { readonly fileNameRaw: Buffer }

const openZip = promisify<string, yauzl.Options, yauzl.ZipFile>(yauzl.open)

const STORED = 0
const DEFLATED = 8
/** What the upper half of the attributes says of an entry from Unix: its kind, of which these are a file and a folder. */
const KIND = 0xf000
const PLAIN_KINDS = [0, 0x8000, 0x4000]

/**
 * Unpacks into a folder that is there and empty.
 * @param onProgress bytes that were unpacked, and all of them
 * @throws RegraftError if an entry is encrypted, a link or a device, would leave the folder, or the archive is damaged, cut off or too large
 */
export async function unpackZip(
  path: string,
  folder: string,
  limits: UnpackLimits,
  onProgress?: (done: number, total: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  let total = 0
  let count = 0
  await eachEntry(path, signal, async entry => {
    if (++count > limits.entries) throw tooMany(limits)
    total += check(entry)
    if (total > limits.bytes) throw tooLarge(limits)
  })
  let done = 0
  await eachEntry(path, signal, async (entry, zip) => {
    const name = nameOf(entry)
    if (name.endsWith('/')) return makeFolder(folder, name)
    let sum = 0
    const content = contentOf(zip, entry, chunk => {
      sum = crc32(chunk, sum)
      done += chunk.length
      onProgress?.(done, total)
    })
    await writeEntry(folder, name, content, signal)
    if (sum !== entry.crc32) throw refused(`${quoted(name)} in it is damaged; copy or download it again`)
  })
}

/** What an entry says of itself. @returns its bytes when unpacked */
function check(entry: Entry): number {
  const name = nameOf(entry)
  safeParts(name)
  const shown = quoted(name)
  if ((entry.generalPurposeBitFlag & 1) !== 0)
    throw refused(`${shown} is encrypted; unpack it yourself, and name the folder`)
  if (!PLAIN_KINDS.includes((entry.externalFileAttributes >>> 16) & KIND))
    throw refused(`${shown} is a link or a device; pack the files themselves`)
  if (entry.compressionMethod !== STORED && entry.compressionMethod !== DEFLATED)
    throw refused(
      `${shown} is compressed in a way that is not read (method ${entry.compressionMethod}); pack it as an ordinary zip file`,
    )
  return entry.uncompressedSize
}

const utf8 = new TextDecoder('utf-8', { fatal: true })
const SAYS_UTF8 = 0x800
/** An extra field with the name in Unicode, which the library reads. */
const UNICODE_PATH = 0x7075

/** In UTF-8 also where the file does not say so, as macOS writes it; else as the library has it, in the code page of DOS. */
function nameOf({ fileName, fileNameRaw, generalPurposeBitFlag, extraFields }: Entry): string {
  if ((generalPurposeBitFlag & SAYS_UTF8) !== 0 || extraFields.some(({ id }) => id === UNICODE_PATH)) return fileName
  try {
    return utf8.decode(fileNameRaw).replaceAll('\\', '/')
  } catch {
    return fileName
  }
}

async function* contentOf(zip: yauzl.ZipFile, entry: Entry, see: (chunk: Buffer) => void): AsyncGenerator<Buffer> {
  const content = await new Promise<Readable>((resolve, reject) =>
    zip.openReadStream(entry, (error, stream) => (error === null ? resolve(stream) : reject(error))),
  )
  yield* watched(content, see)
}

/** One entry after the other, in the directory's order. */
async function eachEntry(
  path: string,
  signal: AbortSignal | undefined,
  work: (entry: Entry, zip: yauzl.ZipFile) => Promise<void>,
): Promise<void> {
  let zip: yauzl.ZipFile | undefined
  try {
    const opened = await openZip(path, { lazyEntries: true, autoClose: false })
    zip = opened
    await new Promise<void>((resolve, reject) => {
      opened.on('error', reject)
      opened.on('end', resolve)
      opened.on('entry', (entry: Entry) => {
        if (signal?.aborted) reject(signal.reason)
        else work(entry, opened).then(() => opened.readEntry(), reject)
      })
      opened.readEntry()
    })
  } catch (error) {
    if (error instanceof RegraftError) throw error
    signal?.throwIfAborted()
    if ((error as NodeJS.ErrnoException).syscall !== undefined) throw error
    const reason = error instanceof Error ? error.message : String(error)
    // How the library tells of a name that it does not allow
    const [, name] =
      /^(?:absolute path|invalid relative path|invalid characters in fileName): (.*)$/s.exec(reason) ?? []
    if (name !== undefined) throw refused(`${quoted(name)} would leave its folder`)
    throw new RegraftError('data', `the archive is damaged or cut off (${reason}); copy or download it again`, {
      cause: error,
    })
  } finally {
    zip?.close()
  }
}
