/** One HTTP request of a download: a proxy from the environment, time limits, bounded redirects. */
import type { Dispatcher } from 'undici'

/** An answer that another try will not change. */
export class FinalError extends Error {}

const mostRedirects = 10

/** What the Hugging Face Hub says of a file before it sends elsewhere for the bytes. */
export interface Linked {
  readonly sha256?: string
  readonly size?: number
}

export interface Answer {
  readonly status: number
  /** A header of the last answer. */
  readonly header: (name: string) => string | undefined
  readonly body: Dispatcher.ResponseData['body']
  readonly linked: Linked
}

/** A dispatcher that honours `http_proxy`, `https_proxy` and `no_proxy`; `timeout` in milliseconds without an answer or a byte. */
export async function dispatcherWith(timeout: number): Promise<Dispatcher> {
  // Most commands download nothing, and start sooner without it
  const { EnvHttpProxyAgent } = await import('undici')
  return new EnvHttpProxyAgent({ connectTimeout: timeout, headersTimeout: timeout, bodyTimeout: timeout })
}

/**
 * Asks for `url` and follows redirects, never from https to http.
 * @throws FinalError for redirects that lead nowhere; undici's errors where there is no answer
 */
export async function get(
  url: string,
  headers: Readonly<Record<string, string>>,
  dispatcher: Dispatcher,
  signal: AbortSignal | undefined,
): Promise<Answer> {
  const { request } = await import('undici')
  let at = new URL(url)
  let sent = headers
  let linked: Linked = {}
  for (let hop = 0; hop <= mostRedirects; hop++) {
    const response = await request(at.href, { dispatcher, headers: sent, ...(signal ? { signal } : {}) })
    const header = (name: string) => [response.headers[name]].flat()[0]
    linked = { ...linked, ...linkedIn(header) }
    const location = header('location')
    if (![301, 302, 303, 307, 308].includes(response.statusCode) || !location)
      return { status: response.statusCode, header, body: response.body, linked }
    await response.body.dump()
    if (!URL.canParse(location, at.href))
      throw new FinalError(`the server redirects to '${location}', which is no address`)
    const next = new URL(location, at.href)
    if (!['http:', 'https:'].includes(next.protocol) || (at.protocol === 'https:' && next.protocol === 'http:'))
      throw new FinalError(`the server redirects to ${next.protocol}//${next.host}, which is not safe`)
    // A token is for the server it was given for, not for the storage it refers to.
    if (next.origin !== at.origin)
      sent = Object.fromEntries(Object.entries(sent).filter(([name]) => name.toLowerCase() !== 'authorization'))
    at = next
  }
  throw new FinalError(`the server redirects more than ${mostRedirects} times`)
}

function linkedIn(header: (name: string) => string | undefined): Linked {
  const sha256 = header('x-linked-etag')?.replaceAll('"', '')
  const size = Number(header('x-linked-size') ?? Number.NaN)
  return {
    ...(sha256 && /^[0-9a-f]{64}$/.test(sha256) ? { sha256 } : {}),
    ...(Number.isSafeInteger(size) && size >= 0 ? { size } : {}),
  }
}

/** What happened, in the words of the innermost cause ('getaddrinfo ENOTFOUND …'). */
export function reasonOf(error: unknown): string {
  const inner = innermost(error)
  return inner instanceof Error ? inner.message || inner.name : String(inner)
}

/** Whether trying again can help: not against a wrong address or a full disk. */
export function isPassing(error: unknown): boolean {
  const { code } = innermost(error) as NodeJS.ErrnoException
  const lasting = ['ENOTFOUND', 'ECONNREFUSED', 'ENOSPC', 'EDQUOT', 'EACCES', 'EPERM', 'EROFS']
  return !(error instanceof FinalError) && !(code !== undefined && lasting.includes(code))
}

/** An attempt at several addresses of one name fails with an error that only lists the real ones. */
function innermost(error: unknown): unknown {
  if (error instanceof AggregateError && error.errors.length > 0) return innermost(error.errors[0])
  return error instanceof Error && error.cause instanceof Error ? innermost(error.cause) : error
}
