/** Archives of images as data: unpacked once into the cache, whole or not at all, and found there again. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, realpath, rename, rm, stat, statfs, utimes } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { bytes } from '../../base/bytes.js'
import { cachePath } from '../../base/cache.js'
import { RegraftError } from '../../base/errors.js'
import { writing } from '../../base/files.js'
import { withLock } from '../../base/lock.js'
import { refused, type UnpackLimits, watched } from './unpacking.js'
import { unpackTar } from './unpackTar.js'
import { unpackZip } from './unpackZip.js'

/** What is told and asked while an archive is unpacked. */
export interface Unpacking {
  /** Bytes, of the archive or of what is in it. */
  readonly onUnpack?: ((done: number, total: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** As many files as the largest data sets have. */
const MAX_ENTRIES = 2_000_000
/** How much larger than the archive its content may be: pictures that nobody compressed shrink to a tenth or less. */
const MOST_RATIO = 100
const ALWAYS_ALLOWED = 1024 ** 3
/** Bytes of the disk that stay free. */
const SPARE = 256 * 1024 ** 2
/** What was not used for so long goes: it can be unpacked again. */
const KEPT_MS = 30 * 24 * 3600 * 1000

/** First bytes, and where they stand. */
const signatures = [
  ['zip', 'PK\x03\x04', 0],
  ['zip', 'PK\x05\x06', 0],
  ['tar.gz', '\x1f\x8b\x08', 0],
  ['tar', 'ustar', 257],
  ['7z', '7z\xbc\xaf\x27\x1c', 0],
  ['rar', 'Rar!\x1a\x07', 0],
  ['bz2', 'BZh', 0],
  ['xz', '\xfd7zXZ\0', 0],
  ['zst', '\x28\xb5\x2f\xfd', 0],
] as const
type Kind = (typeof signatures)[number][0]

const readKinds: readonly Kind[] = ['zip', 'tar.gz', 'tar']

/** The name of an archive without what its ending says; other names stay. */
export const archiveStem = (path: string): string =>
  basename(path).replace(/\.(zip|tgz|tar|tar\.gz)$/i, '') || 'archive'

/**
 * The folder that an archive was unpacked to; it is unpacked if it has not been yet.
 * @throws RegraftError if it is no archive, or is not one that can be unpacked safely and whole
 */
export async function unpackedArchive(path: string, unpacking: Unpacking = {}): Promise<string> {
  const kind = await readKindOf(path)
  const target = await placeOf(path)
  if (!(await isFolder(target))) {
    await writing(target, () => mkdir(cachePath('archives'), { recursive: true }))
    const unpack = async () => {
      if (!(await isFolder(target))) await unpackAside(path, kind, target, unpacking)
    }
    await withLock(`${target}.lock`, unpack, unpacking.signal)
    await removeUnused()
  }
  const now = new Date()
  await utimes(target, now, now).catch(() => {})
  return target
}

/** The folder that the paths of a data set start from: what was named, or where an archive was unpacked if it has been. */
export async function folderOfImages(data: string): Promise<string> {
  const found = await stat(data).catch(() => undefined)
  return found?.isFile() ? placeOf(data) : data
}

const isFolder = (path: string) =>
  stat(path).then(
    found => found.isDirectory(),
    () => false,
  )

/** Where it is unpacked: another archive in its place, or the same one changed, has another. */
async function placeOf(path: string): Promise<string> {
  const real = await realpath(path)
  const { size, mtimeMs } = await stat(real)
  const key = createHash('sha1').update(`${real}\0${size}\0${mtimeMs}`).digest('hex').slice(0, 16)
  const name = archiveStem(path).replace(/[^\p{L}\p{N}._-]+/gu, '-')
  return cachePath(join('archives', `${[...name].slice(0, 40).join('')}-${key}`))
}

/** Whether a file is an archive that is read, whatever its name says. */
export const isArchive = async (path: string): Promise<boolean> => readKinds.includes((await kindOf(path)) as Kind)

async function kindOf(path: string): Promise<Kind | undefined> {
  const start = Buffer.alloc(512)
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EACCES' || error.code === 'EPERM')
      throw new RegraftError('data', `no permission to read ${path}`, { cause: error })
    throw error
  })
  try {
    await file.read(start, 0, start.length, 0)
  } finally {
    await file.close()
  }
  const text = start.toString('latin1')
  return signatures.find(([, letters, at]) => text.startsWith(letters, at))?.[0]
}

/** @throws RegraftError where it is no archive that is read */
async function readKindOf(path: string): Promise<Kind> {
  const kind = await kindOf(path)
  if (kind !== undefined && readKinds.includes(kind)) return kind
  if (kind !== undefined)
    throw new RegraftError(
      'data',
      `${path} is a ${kind} archive, which is not read; unpack it and name the folder, or pack it as zip or tar.gz`,
    )
  const advice = /\.(csv|tsv|txt)$/i.test(path)
    ? `a list of labels goes with its folder: FOLDER --labels ${path}`
    : 'name the folder of class folders'
  throw new RegraftError(
    'data',
    `${path} is a file, not a folder, and no archive that is read (zip, tar, tar.gz); ${advice}`,
  )
}

/** Unpacks beside the target and renames at the end, so that the target is complete if it is there. The lock is held. */
async function unpackAside(path: string, kind: Kind, target: string, { onUnpack, signal }: Unpacking): Promise<void> {
  const aside = `${target}.part`
  // Of a process that was killed
  await rm(aside, { recursive: true, force: true })
  try {
    await writing(target, async () => {
      await mkdir(aside)
      const { size } = await stat(path)
      const limits = await limitsOf(size, aside)
      if (kind === 'zip') await unpackZip(path, aside, limits, onUnpack, signal)
      else {
        let done = 0
        const source = watched(createReadStream(path), chunk => {
          done += chunk.length
          onUnpack?.(done, size)
        })
        await unpackTar(source, kind === 'tar.gz' ? 'gzip' : 'none', aside, limits, signal)
      }
      await rename(aside, target)
    })
  } catch (error) {
    await rm(aside, { recursive: true, force: true })
    if (error instanceof RegraftError && error.code === 'data')
      throw new RegraftError('data', `${path}: ${error.message}`, { cause: error })
    throw error
  }
}

/** What the archive's own size and the disk allow. */
async function limitsOf(size: number, folder: string): Promise<UnpackLimits> {
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize - SPARE
  const most = Math.max(ALWAYS_ALLOWED, MOST_RATIO * size)
  if (free < size)
    throw refused(
      `it needs ${bytes(size)} or more, and ${bytes(Math.max(free, 0))} are free in ${cachePath('')}; make room, or set REGRAFT_CACHE to a folder on another disk`,
    )
  return { entries: MAX_ENTRIES, bytes: Math.min(most, free) }
}

async function removeUnused(): Promise<void> {
  const folder = cachePath('archives')
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    const found = await stat(path).catch(() => undefined)
    if (found !== undefined && Date.now() - found.mtimeMs > KEPT_MS)
      await rm(path, { recursive: true, force: true }).catch(() => {})
  }
}
