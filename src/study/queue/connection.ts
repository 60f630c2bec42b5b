/** A connection to Redis: where it is, who asks, and errors in words; its password is in no message, file or report. */
import type { Redis, RedisOptions } from 'ioredis'
import { RegraftError } from '../../base/errors.js'

export interface QueueAddress {
  readonly options: RedisOptions
  /** As it may be shown: without user and password. */
  readonly shown: string
}

/** Where a queue's user and password may stand instead of in its address, which other users of a machine can see. */
const environment = { user: 'REGRAFT_QUEUE_USER', password: 'REGRAFT_QUEUE_PASSWORD' } as const

/** A text in which no address shows a password. */
export const withoutPasswords = (text: string): string => text.replace(/\b(rediss?:\/\/)[^\s/]*@/gi, '$1…@')

/** @throws RegraftError('usage') where it is no address */
export function queueAddress(text: string, env: NodeJS.ProcessEnv = process.env): QueueAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !['redis:', 'rediss:'].includes(url.protocol) || url.hostname === '')
    throw new RegraftError(
      'usage',
      `--queue ${withoutPasswords(text)}: expected an address like redis://localhost:6379, or rediss:// for TLS`,
    )
  const database = url.pathname.replace(/^\//, '')
  if (!/^\d*$/.test(database))
    throw new RegraftError('usage', `--queue: /${database}: expected the number of a database, like /0`)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const username = decodeURIComponent(url.username) || env[environment.user]
  const password = decodeURIComponent(url.password) || env[environment.password]
  return {
    shown: `${url.protocol}//${url.host}${url.pathname === '/' ? '' : url.pathname}`,
    options: {
      host,
      port: Number(url.port || 6379),
      ...(database ? { db: Number(database) } : {}),
      ...(username ? { username } : {}),
      ...(password ? { password } : {}),
      ...(url.protocol === 'rediss:' ? { tls: { servername: host } } : {}),
      maxRetriesPerRequest: null,
      retryStrategy: times => Math.min(100 * 2 ** Math.min(times, 5), 3000),
    },
  }
}

/**
 * Connects, and checks what answers. Later losses are mended by themselves: what is asked meanwhile waits.
 * @throws RegraftError('network') where nothing answers within seconds, or refuses
 */
export async function connect(address: QueueAddress, patience = 10_000): Promise<Redis> {
  const { Redis } = await import('ioredis')
  const options: RedisOptions = { ...address.options, lazyConnect: true }
  const redis = new Redis(options)
  let last = ''
  redis.on('error', (error: NodeJS.ErrnoException) => {
    last = error.code ?? error.message
  })
  const give = (why: string): RegraftError => {
    redis.disconnect()
    return new RegraftError('network', `the queue ${address.shown} ${why}`)
  }
  redis.connect().catch(() => {})
  const until = performance.now() + patience
  while (redis.status !== 'ready') {
    if (/NOAUTH|WRONGPASS|NOPERM/.test(last))
      throw give(
        `refuses (${last.split(' ')[0]}); set ${environment.password}, and ${environment.user} if it has users`,
      )
    if (performance.now() > until) throw give(`cannot be reached (${last || 'no answer'}); ${adviceOn(last)}`)
    await new Promise(done => setTimeout(done, 20))
  }
  const said = await redis.info('server').catch((error: Error) => error.message)
  if (/NOAUTH|WRONGPASS|NOPERM/.test(said))
    throw give(`refuses (${said.split(' ')[0]}); set ${environment.password}, and ${environment.user} if it has users`)
  const [major = 0, minor = 0] = (/redis_version:(\S+)/.exec(said)?.[1] ?? '0').split('.').map(Number)
  if (major < 6 || (major === 6 && minor < 2)) throw give(`is Redis ${major}.${minor}; 6.2 or later is needed`)
  return redis
}

/** OpenSSL's names for a certificate that no known authority has signed. */
const adviceOn = (fault: string): string =>
  /SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY)/.test(fault)
    ? 'its certificate is of an authority that is not known here: name that by NODE_EXTRA_CA_CERTS=FILE'
    : /WRONG_VERSION_NUMBER|EPROTO/.test(fault)
      ? 'it does not speak TLS there: try redis://'
      : 'check the address, and that Redis runs there'

/** Ends a connection; one that is down is not waited for. */
export async function disconnect(redis: Redis): Promise<void> {
  if (redis.status === 'ready') await Promise.race([redis.quit(), new Promise(done => setTimeout(done, 1000))])
  redis.disconnect()
}

/** Closes what BullMQ holds; where Redis is gone it would wait for ever. */
export async function closeAll(things: readonly { close(): Promise<unknown> }[]): Promise<void> {
  const closed = Promise.allSettled(things.map(thing => thing.close()))
  await Promise.race([closed, new Promise(done => setTimeout(done, 2000).unref())])
}
