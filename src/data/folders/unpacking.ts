/** What is unpacked is not trusted: names that stay in the folder, nothing but files and folders, bounds of number and size. */
import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { bytes } from '../../base/bytes.js'
import { RegraftError } from '../../base/errors.js'

/** Bounds of an archive: how many entries, how many bytes when decompressed. */
export interface UnpackLimits {
  readonly entries: number
  readonly bytes: number
}

/** Why an archive is not unpacked. */
export const refused = (reason: string): RegraftError =>
  new RegraftError('data', `the archive was not unpacked: ${reason}`)

export const tooMany = (limits: UnpackLimits): RegraftError => refused(`more than ${limits.entries} entries`)

export const tooLarge = (limits: UnpackLimits): RegraftError =>
  refused(`more than ${bytes(limits.bytes)} when unpacked; unpack it yourself, and name the folder`)

/** Letters of a name that are shown. */
const SHOWN = 80

/** A name as it can be shown, whatever it holds. */
export const quoted = (name: string): string => {
  const letters = [...name]
  return JSON.stringify(letters.length > SHOWN ? `${letters.slice(0, SHOWN).join('')}…` : name)
}

/** The folders and the file of an entry's name; none for the folder itself. @throws RegraftError where it leads elsewhere */
export function safeParts(name: string): string[] {
  const path = name.replace(/^(\.\/)+/, '').replace(/\/+$/, '')
  if ((path === '' && !name.startsWith('/')) || path === '.') return []
  // Backslashes and colons are separators and drives on Windows
  const unsafe = (part: string) => part === '..' || part === '.' || part === '' || /[\\:\0]/.test(part)
  const parts = path.split('/')
  if (parts.some(unsafe)) throw refused(`${quoted(name)} would leave its folder`)
  return parts
}

export const makeFolder = (folder: string, name: string): Promise<void> =>
  inWords(name, async () => {
    await mkdir(join(folder, ...safeParts(name)), { recursive: true })
  })

/** Writes an entry's content; nothing that is there already is replaced. */
export const writeEntry = (
  folder: string,
  name: string,
  content: AsyncIterable<unknown>,
  signal?: AbortSignal,
): Promise<void> =>
  inWords(name, async () => {
    const path = join(folder, ...safeParts(name))
    await mkdir(dirname(path), { recursive: true })
    // As an iterator: a stream that has failed by now would be waited for for ever
    const chunks = async function* () {
      yield* content
    }
    await pipeline(chunks, createWriteStream(path, { flags: 'wx' }), { ...(signal ? { signal } : {}) })
  })

async function inWords(name: string, write: () => Promise<void>): Promise<void> {
  try {
    await write()
  } catch (error) {
    const { code = '', syscall } = error as NodeJS.ErrnoException
    const reason = unwritable[syscall === 'mkdir' && code === 'EEXIST' ? 'ENOTDIR' : code]
    if (reason === undefined) throw error
    throw refused(`${quoted(name)} ${reason}`)
  }
}

/** What a name can do that no folder can hold. */
const unwritable: Readonly<Record<string, string>> = {
  EEXIST: 'is in it twice, or differs from another name by nothing that counts on this disk',
  EISDIR: 'is both a file and a folder in it',
  ENOTDIR: 'is both a file and a folder in it',
  ENAMETOOLONG: 'is too long a name for this disk; shorten it',
  EILSEQ: 'is no name that this disk can hold; rename it',
}

/** Passes bytes on, up to a limit: headers count too, since some of them are held in memory. */
export function bounded(limits: UnpackLimits): Transform {
  let total = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      total += chunk.length
      if (total > limits.bytes) done(tooLarge(limits))
      else done(null, chunk)
    },
  })
}

/** The chunks of a stream, each shown to somebody on its way. */
export async function* watched(source: Readable, see: (chunk: Buffer) => void): AsyncGenerator<Buffer> {
  for await (const chunk of source as AsyncIterable<Buffer>) {
    see(chunk)
    yield chunk
  }
}
