/** Downloads into the cache: resumable, verified, safe with two processes at once, by way of a proxy where there is one. */
import { access, constants, mkdir, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cachePath } from '../base/cache.js'
import { RegraftError } from '../base/errors.js'
import { withLock } from '../base/lock.js'
import { dispatcherWith, isPassing, reasonOf } from './http.js'
import { discard, receive, sizeOf } from './receive.js'
import { type Expected, isMarked, mark, misfit } from './verify.js'

export interface DownloadRequest extends Expected {
  readonly url: string
  /** File name in the cache; may hold folders. */
  readonly name: string
  readonly headers?: Readonly<Record<string, string>>
  /** What a person can do instead, for the error of a failed download: 'or pass --weights FILE'. */
  readonly otherwise?: string
  /** Milliseconds without an answer or a byte before the connection is given up; 30,000 unless given. */
  readonly timeout?: number
  /** Milliseconds before the second attempt, doubled for each further one; 500 unless given. */
  readonly pause?: number
  readonly signal?: AbortSignal | undefined
  /** Bytes; `total` is unknown where the server does not say. */
  readonly onProgress?: ((done: number, total: number | undefined) => void) | undefined
}

/** Attempts in a row that may bring next to nothing. */
const tries = 4
/** Bytes that make an attempt worth another one. */
const progress = 256 * 1024

/**
 * The path of the file in the cache, downloaded where it is not there yet. What a person has put there is verified
 * once; a verified file is not read again until it changes.
 * @throws RegraftError('network') that says which file to put where, or that the bytes are not the right ones;
 *   RegraftError('interrupted') after `signal`, with what has arrived kept for the next time
 */
export async function downloadFile(request: DownloadRequest): Promise<string> {
  const path = cachePath(request.name)
  const { signal } = request
  try {
    if (await isThere(path, request)) return path
    await makeFolder(dirname(path))
    const complete = async () => {
      if (!(await isThere(path, request))) await download(path, request)
    }
    await withLock(`${path}.lock`, complete, signal)
    return path
  } catch (error) {
    if (!signal?.aborted) throw error
    throw new RegraftError(
      'interrupted',
      `The download of ${request.name} was interrupted; the same command goes on where it stopped.`,
      { cause: error },
    )
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true })
    await access(folder, constants.W_OK)
  } catch (cause) {
    throw new RegraftError(
      'network',
      `the cache folder ${folder} cannot be written (${reasonOf(cause)}); set REGRAFT_CACHE to a folder that can be`,
      { cause },
    )
  }
}

async function isThere(path: string, request: DownloadRequest): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  if (!found) return false
  const { sha256, md5, size } = request
  if ((sha256 ?? md5 ?? size) === undefined || (await isMarked(path, request))) return true
  const wrong = await misfit(path, request)
  if (wrong !== undefined)
    throw new RegraftError(
      'network',
      `${path} does not hold ${request.url} (${wrong}); delete it, and it is downloaded again`,
    )
  // A cache that can only be read is as good; its files are verified each time.
  await mark(path, request).catch(() => {})
  return true
}

async function download(path: string, request: DownloadRequest): Promise<void> {
  const { url, headers = {}, timeout = 30_000, pause = 500, signal, onProgress = () => {} } = request
  const part = `${path}.part`
  const dispatcher = await dispatcherWith(timeout)
  let failure: unknown
  try {
    for (let attempt = 0; attempt < tries; attempt++) {
      if (attempt > 0) await sleep(pause * 2 ** (attempt - 1), undefined, signal ? { signal } : {})
      const before = await sizeOf(part)
      try {
        const told = await receive({ url, headers, part, dispatcher, signal, onProgress })
        await settle(part, path, request, told)
        return
      } catch (error) {
        if (signal?.aborted || error instanceof RegraftError) throw error
        failure = error
        if (!isPassing(error)) break
        if ((await sizeOf(part)) >= before + progress) attempt = 0
      }
    }
  } finally {
    await dispatcher.destroy()
  }
  const { name, otherwise } = request
  throw new RegraftError(
    'network',
    `${name} cannot be downloaded from ${url} (${reasonOf(failure)}); without a network, put the file at ${path}${otherwise ? ` ${otherwise}` : ''}`,
    { cause: failure },
  )
}

/** Gives a complete download its name. Wrong bytes are deleted: they would be wrong again at every start. */
async function settle(part: string, path: string, request: DownloadRequest, told: Expected): Promise<void> {
  const { sha256 = told.sha256, md5, size = told.size } = request
  const expected: Expected = {
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(md5 === undefined ? {} : { md5 }),
    ...(size === undefined ? {} : { size }),
  }
  const wrong = await misfit(part, expected)
  if (wrong !== undefined) {
    await discard(part)
    throw new RegraftError(
      'network',
      `${request.url} gave other bytes than expected (${wrong}); they were deleted. Try again, or get the file elsewhere and put it at ${path}`,
    )
  }
  await rename(part, path)
  await rm(`${part}.json`, { force: true })
  await mark(path, expected)
}
