/** What stands in Redis beside the jobs: which studies there are, which workers, and how the studies go. */
import type { Redis } from 'ioredis'
import type { z } from 'zod'
import { parseJson } from '../../base/json.js'
import { type Card, card, type Description, description, type Summary, summary } from './messages.js'

export const prefix = 'regraft'
const studiesKey = `${prefix}:studies`
const workersKey = `${prefix}:workers`
const workerKey = (id: string) => `${prefix}:worker:${id}`
const summaryKey = (id: string) => `${prefix}:summary:${id}`
const withdrawnKey = (id: string) => `${prefix}:withdrawn:${id}`

/** A worker that has said nothing for so long is gone. */
const cardLives = 30_000
const summaryLives = 7 * 24 * 3600
/** So long its follower may be away and still hear that the study was withdrawn. */
const withdrawnLives = 24 * 3600

const checked = <Schema extends z.ZodType>(schema: Schema, text: string | null): z.output<Schema> | undefined =>
  schema.safeParse(parseJson(text ?? '')).data

export async function announce(redis: Redis, study: Description): Promise<void> {
  await redis.hset(studiesKey, study.id, JSON.stringify(study))
}

export async function withdraw(redis: Redis, id: string): Promise<void> {
  await redis.hdel(studiesKey, id)
  await redis.del(summaryKey(id))
}

/** Leaves word for whoever follows a study that a person has withdrawn it. */
export async function leaveWord(redis: Redis, id: string): Promise<void> {
  await redis.set(withdrawnKey(id), '1', 'EX', withdrawnLives)
}

export const wasWithdrawn = async (redis: Redis, id: string): Promise<boolean> =>
  (await redis.exists(withdrawnKey(id))) === 1

/** The study is enqueued anew: what was said of it before does not count. */
export const takeWord = async (redis: Redis, id: string): Promise<void> => void (await redis.del(withdrawnKey(id)))

export const isAnnounced = async (redis: Redis, id: string): Promise<boolean> =>
  (await redis.hexists(studiesKey, id)) === 1

/** Studies as they stand there; what is no description of a study is left out. */
export async function announced(redis: Redis): Promise<Description[]> {
  const texts = await redis.hvals(studiesKey)
  return texts.flatMap(text => checked(description, text) ?? [])
}

export async function showCard(redis: Redis, worker: Card): Promise<void> {
  await redis
    .multi()
    .sadd(workersKey, worker.id)
    .set(workerKey(worker.id), JSON.stringify(worker), 'PX', cardLives)
    .exec()
}

export async function takeCard(redis: Redis, id: string): Promise<void> {
  await redis.multi().srem(workersKey, id).del(workerKey(id)).exec()
}

/** The workers that have said something lately. */
export async function workersThere(redis: Redis): Promise<Card[]> {
  const ids = await redis.smembers(workersKey)
  if (ids.length === 0) return []
  const texts = await redis.mget(ids.map(workerKey))
  const gone = ids.filter((_, i) => texts[i] === null)
  if (gone.length > 0) await redis.srem(workersKey, ...gone)
  return texts.flatMap(text => checked(card, text) ?? [])
}

export async function showSummary(redis: Redis, id: string, news: Summary): Promise<void> {
  await redis.set(summaryKey(id), JSON.stringify(news), 'EX', summaryLives)
}

export const summaryOf = async (redis: Redis, id: string): Promise<Summary | undefined> =>
  checked(summary, await redis.get(summaryKey(id)))
