/** One attempt at a download: asks for the bytes that are missing and appends them to the part file. */
import { open, readFile, rm, stat, writeFile } from 'node:fs/promises'
import type { Dispatcher } from 'undici'
import { z } from 'zod'
import { type Answer, FinalError, get, type Linked } from './http.js'

export interface Attempt {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Where the bytes go; what they are of is noted beside it. */
  readonly part: string
  readonly dispatcher: Dispatcher
  readonly signal: AbortSignal | undefined
  readonly onProgress: (done: number, total: number | undefined) => void
}

/** No file that is downloaded here is larger. */
const largest = 8 * 1024 ** 3

/** Which version of which file a part is of. */
const noteSchema = z.object({ url: z.string(), validator: z.string() })

/** Removes an unfinished download. */
export async function discard(part: string): Promise<void> {
  await rm(`${part}.json`, { force: true })
  await rm(part, { force: true })
}

/** Bytes that are there of an unfinished download. */
export const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  )

/**
 * Completes the part file.
 * @returns what the server itself says of the whole file
 * @throws FinalError where trying again cannot help; any other error leaves what has arrived for the next attempt
 */
export async function receive(attempt: Attempt): Promise<Linked> {
  const { url, part, dispatcher, signal, onProgress } = attempt
  const validator = await noted(part, url)
  const have = validator === undefined ? 0 : await sizeOf(part)
  const answer = await get(
    url,
    {
      ...attempt.headers,
      'accept-encoding': 'identity',
      ...(validator !== undefined && have > 0 ? { range: `bytes=${have}-`, 'if-range': validator } : {}),
    },
    dispatcher,
    signal,
  )
  try {
    await checkStatus(answer, part, have)
    const first = answer.status === 206 ? have : 0
    const total = totalOf(answer, first)
    if ((total ?? 0) > largest) throw new FinalError(`the file is larger than ${largest} bytes`)
    const file = await open(part, first > 0 ? 'a' : 'w')
    let done = first
    try {
      await note(part, url, answer)
      onProgress(done, total)
      for await (const chunk of answer.body as AsyncIterable<Buffer>) {
        await file.appendFile(chunk)
        done += chunk.length
        if (done > largest) throw new FinalError(`the file is larger than ${largest} bytes`)
        onProgress(done, total)
      }
      await file.sync()
    } finally {
      await file.close()
    }
    if (total !== undefined && done !== total) throw new Error(`the connection ended after ${done} of ${total} bytes`)
    return { ...(total === undefined ? {} : { size: total }), ...answer.linked }
  } finally {
    answer.body.on('error', () => {}).destroy()
  }
}

/** The validator (an ETag or a date) that lets the part be continued. */
async function noted(part: string, url: string): Promise<string | undefined> {
  try {
    const found = noteSchema.parse(JSON.parse(await readFile(`${part}.json`, 'utf8')))
    return found.url === url ? found.validator : undefined
  } catch {
    return undefined // none, or one that a crash cut off: start anew
  }
}

/** Written after the part file was emptied, so that it never speaks of older bytes. */
async function note(part: string, url: string, { header }: Answer): Promise<void> {
  const etag = header('etag')
  const validator = etag && !etag.startsWith('W/') ? etag : header('last-modified')
  if (validator) await writeFile(`${part}.json`, JSON.stringify({ url, validator }))
  else await rm(`${part}.json`, { force: true })
}

async function checkStatus({ status, header }: Answer, part: string, have: number): Promise<void> {
  if (status === 416 || (status === 206 && !header('content-range')?.startsWith(`bytes ${have}-`))) {
    await discard(part)
    throw new Error('the server cannot go on where the download stopped')
  }
  if (status === 200 || status === 206) {
    const encoding = header('content-encoding') ?? 'identity'
    if (encoding !== 'identity') throw new FinalError(`the server sends the file in the encoding '${encoding}'`)
    return
  }
  const what = `the server answered ${status}`
  throw status >= 500 || status === 429 || status === 408 ? new Error(what) : new FinalError(what)
}

function totalOf({ header }: Answer, first: number): number | undefined {
  const length = Number(header('content-length') ?? Number.NaN)
  return Number.isSafeInteger(length) ? first + length : undefined
}
