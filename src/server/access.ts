/** Who may ask: names that a browser may know the server by, pages that may change something, and the token. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { isIP } from 'node:net'
import type { MiddlewareHandler } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import { Refusal } from './refusal.js'

/** Characters of a token at least, where others can reach the server. */
export const SHORTEST_TOKEN = 16

/** Whether an address is this machine's own, out of others' reach. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))

/**
 * Refuses names that are not this machine's: a page of another site that has its own name point to 127.0.0.1 (DNS
 * rebinding) sends that name.
 */
export const onlyOwnNames: MiddlewareHandler = async (context, next) => {
  const given = context.req.header('host') ?? ''
  const name = hostname(given)
  if (name === undefined || !isLoopback(name))
    throw new Refusal(403, `this server answers to localhost only, not to '${given}'; ask http://localhost instead`)
  await next()
}

function hostname(host: string): string | undefined {
  try {
    return new URL(`http://${host}`).hostname.replace(/^\[|\]$/g, '')
  } catch {
    return undefined
  }
}

/**
 * Refuses what a page of another site has a browser send, but for a link to this server that somebody follows: such a
 * page cannot see the answer, but it could have pictures made and streams held open.
 */
export const onlyOwnPages: MiddlewareHandler = async (context, next) => {
  const { method } = context.req
  const [origin, site, destination] = ['origin', 'sec-fetch-site', 'sec-fetch-dest'].map(name =>
    context.req.header(name),
  )
  const own = origin === undefined || hostOf(origin) === context.req.header('host')
  const sameSite = site === undefined || ['same-origin', 'none'].includes(site)
  const followed = method === 'GET' && own && destination === 'document'
  if (!(own && sameSite) && !followed)
    throw new Refusal(403, 'a page of another site may not ask this server; open the page from this server itself')
  await next()
}

function hostOf(origin: string): string | undefined {
  try {
    return new URL(origin).host
  } catch {
    return undefined
  }
}

/** Asks for `Authorization: Bearer TOKEN`. The comparison takes as long whatever was given. */
export const onlyWithToken = (token: string): MiddlewareHandler => {
  const expected = digest(token)
  return async (context, next) => {
    const [, shown] = /^Bearer +(.+)$/i.exec(context.req.header('authorization') ?? '') ?? []
    const given = shown ?? getCookie(context, tokenCookie)
    if (given === undefined || !timingSafeEqual(digest(given), expected)) {
      context.header('WWW-Authenticate', 'Bearer realm="regraft"')
      throw new Refusal(
        401,
        "a token is needed: send the header 'Authorization: Bearer TOKEN'; in a browser, open /?token=TOKEN",
      )
    }
    await next()
  }
}

const tokenCookie = 'regraft-token'

/** A browser cannot send the header: whoever opens /?token=TOKEN gets a cookie, and an address without the token. */
export const tokenFromAddress = (token: string): MiddlewareHandler => {
  const expected = digest(token)
  return async (context, next) => {
    const given = context.req.path === '/' ? context.req.query('token') : undefined
    if (given === undefined || !timingSafeEqual(digest(given), expected)) return next()
    // 'Strict' would leave it out of the redirect where the link was followed from a page of another site, such as a mail
    setCookie(context, tokenCookie, given, { httpOnly: true, sameSite: 'Lax', path: '/' })
    return context.redirect('/')
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
