/** What was found out about a folder's images, kept between runs: small files in the cache that go stale by themselves. */
import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { cachePath, trimCache } from '../../base/cache.js'
import { writeFileAtomic } from '../../base/files.js'
import { version } from '../../base/version.js'

/** Bytes that all kept scans may have together; the ones that were written longest ago go first. */
const MAX_BYTES = 512 * 1024 * 1024
const MAX_FILES = 256
const DIGEST_BYTES = 20

/** One kind of finding. Raise `revision` when the same images would now give another one. */
export interface ScanKind {
  readonly name: string
  readonly revision: number
}

/** What is kept belongs to one folder, one kind and, where that matters, one state of the folder. */
const fileOf = (root: string, { name }: ScanKind, state = ''): string =>
  cachePath(join('scans', `${sha1(resolve(root)).toString('hex').slice(0, 16)}-${name}${state && `-${state}`}`))

const sha1 = (content: string | Uint8Array): Buffer => createHash('sha1').update(content).digest()

const header = ({ name, revision }: ScanKind) => Buffer.from(`regraft ${version} ${name} ${revision}\n`)

/** What was kept, or undefined: nothing was, or another release kept it, or the file is damaged. */
export async function readScan(root: string, kind: ScanKind, state?: string): Promise<Buffer | undefined> {
  const file = fileOf(root, kind, state)
  try {
    if ((await stat(file)).size > MAX_BYTES) return undefined
    const bytes = await readFile(file)
    const start = header(kind)
    const content = bytes.subarray(start.length, -DIGEST_BYTES)
    const whole = bytes.subarray(0, start.length).equals(start) && bytes.subarray(-DIGEST_BYTES).equals(sha1(content))
    return whole ? content : undefined
  } catch {
    return undefined
  }
}

/** Keeps a finding. Where that cannot be done (no disk, no permission), the next run finds it anew. */
export async function keepScan(root: string, kind: ScanKind, content: Uint8Array, state?: string): Promise<void> {
  if (content.length > MAX_BYTES / 2) return
  try {
    await writeFileAtomic(fileOf(root, kind, state), Buffer.concat([header(kind), content, sha1(content)]))
    await trimCache(cachePath('scans'), MAX_BYTES, MAX_FILES)
  } catch {
    // The cache is a help, not a condition
  }
}
