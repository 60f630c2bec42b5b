/** Downloads into the cache: resumable, verified, safe with two processes at once, by way of a proxy where there is one. */
import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { EnvHttpProxyAgent, fetch, type Response } from 'undici'
import { z } from 'zod'
import { RegraftError } from '../base/errors.js'
import { cachePath } from './cache.js'
import { withLock } from './lock.js'

export interface DownloadRequest {
  readonly url: string
  /** File name in the cache; may hold folders. */
  readonly name: string
  /** Hexadecimal SHA-256, or its first digits. */
  readonly sha256?: string
  readonly md5?: string
  readonly headers?: Readonly<Record<string, string>>
  /** What a person can do instead, for the error of a failed download: 'or pass --weights FILE'. */
  readonly otherwise?: string
  readonly signal?: AbortSignal | undefined
  /** `total` is unknown where the server does not say. */
  readonly onProgress?: ((done: number, total: number | undefined) => void) | undefined
}

const tries = 4
/** Milliseconds without an answer or a byte. */
const patience = Number(process.env.REGRAFT_TIMEOUT_MS ?? 30_000)
/** No file that is downloaded here is larger. */
const largest = 8 * 1024 ** 3

/** An answer that another try will not change. */
class FinalError extends Error {}

/**
 * The path of the file in the cache, downloaded where it is not there yet.
 * @throws RegraftError('network') that says which file to put where, or that the bytes are not the right ones
 */
export async function downloadFile(request: DownloadRequest): Promise<string> {
  const path = cachePath(request.name)
  if (existsSync(path)) return path
  await mkdir(dirname(path), { recursive: true })
  return withLock(
    `${path}.lock`,
    async () => {
      if (!existsSync(path)) await downloadTo(path, request)
      return path
    },
    request.signal,
  )
}

async function downloadTo(path: string, request: DownloadRequest): Promise<void> {
  const dispatcher = new EnvHttpProxyAgent({
    connectTimeout: patience,
    headersTimeout: patience,
    bodyTimeout: patience,
  })
  let failure: unknown
  try {
    for (let attempt = 0; attempt < tries; attempt++) {
      if (attempt > 0) await sleep(250 * 2 ** attempt, undefined, request.signal ? { signal: request.signal } : {})
      try {
        const sha256 = await receive(`${path}.part`, request, dispatcher)
        await verify(`${path}.part`, request, sha256)
        await rename(`${path}.part`, path)
        await rm(`${path}.part.json`, { force: true })
        return
      } catch (error) {
        if (request.signal?.aborted || error instanceof RegraftError) throw error
        failure = error
        if (error instanceof FinalError) break
      }
    }
  } finally {
    await dispatcher.close()
  }
  const { otherwise = '' } = request
  throw new RegraftError(
    'network',
    `${request.name} cannot be downloaded from ${request.url} (${reasonOf(failure)}); without a network, put the file at ${path}${otherwise ? ` ${otherwise}` : ''}`,
    { cause: failure },
  )
}

/** The innermost cause says what happened ('getaddrinfo ENOTFOUND …'). */
function reasonOf(error: unknown): string {
  let current = error
  while (current instanceof Error && current.cause instanceof Error) current = current.cause
  return current instanceof Error ? current.message : String(current)
}

const partSchema = z.object({ url: z.string(), etag: z.string() })

/** Appends what is missing to the part file. Returns the SHA-256 that the server itself names, where it does. */
async function receive(
  part: string,
  request: DownloadRequest,
  dispatcher: EnvHttpProxyAgent,
): Promise<string | undefined> {
  const known = await readFile(`${part}.json`, 'utf8').then(
    text => partSchema.safeParse(JSON.parse(text)).data,
    () => undefined,
  )
  const have =
    known?.url === request.url
      ? await stat(part).then(
          ({ size }) => size,
          () => 0,
        )
      : 0
  const resuming: Record<string, string> = have > 0 && known ? { range: `bytes=${have}-`, 'if-range': known.etag } : {}
  const stall = new AbortController()
  const signals = [stall.signal, ...(request.signal ? [request.signal] : [])]
  const response = await fetch(request.url, {
    dispatcher,
    headers: { ...request.headers, ...resuming, 'accept-encoding': 'identity' },
    signal: AbortSignal.any(signals),
  })
  const appending = response.status === 206
  if (!response.ok) {
    await response.body?.cancel()
    const answer = `the server answered ${response.status} ${response.statusText}`.trim()
    throw response.status >= 500 || response.status === 429 ? new Error(answer) : new FinalError(answer)
  }
  const etag = response.headers.get('etag')
  if (etag && !etag.startsWith('W/')) await writeFile(`${part}.json`, JSON.stringify({ url: request.url, etag }))
  else await rm(`${part}.json`, { force: true })
  const first = appending ? have : 0
  const total = totalOf(response, first)
  if ((total ?? 0) > largest) throw new FinalError(`the file is larger than ${largest} bytes`)
  const file = await open(part, appending ? 'a' : 'w')
  let done = first
  try {
    for await (const chunk of response.body ?? []) {
      await file.write(chunk as Uint8Array)
      done += (chunk as Uint8Array).length
      if (done > largest) throw new FinalError(`the file is larger than ${largest} bytes`)
      request.onProgress?.(done, total)
    }
    await file.sync()
  } finally {
    await file.close()
  }
  if (total !== undefined && done !== total) throw new Error(`the connection ended after ${done} of ${total} bytes`)
  const linked = response.headers.get('x-linked-etag')?.replaceAll('"', '')
  return linked && /^[0-9a-f]{64}$/.test(linked) ? linked : undefined
}

function totalOf(response: Response, first: number): number | undefined {
  const length = response.headers.get('content-length')
  return length === null ? undefined : first + Number(length)
}

/** Wrong bytes are deleted: they would be wrong again at every start. */
async function verify(part: string, request: DownloadRequest, linked: string | undefined): Promise<void> {
  const wanted = [
    ['sha256', request.sha256 ?? linked],
    ['md5', request.md5],
  ] as const
  for (const [algorithm, digits] of wanted) {
    if (digits === undefined) continue
    const hash = createHash(algorithm)
    for await (const chunk of createReadStream(part)) hash.update(chunk as Buffer)
    const actual = hash.digest('hex')
    if (actual.startsWith(digits.toLowerCase())) continue
    await rm(part, { force: true })
    await rm(`${part}.json`, { force: true })
    throw new RegraftError(
      'network',
      `${request.url} gave other bytes than expected (${algorithm} ${actual.slice(0, 12)}… instead of ${digits.slice(0, 12)}); they were deleted. Try again, or get the file elsewhere and put it at ${part.slice(0, -'.part'.length)}`,
    )
  }
}
