/** The coordinator's side of the jobs of a study: enqueues them, hears how they end, and notices what Redis has lost. */
import type { Queue, QueueEvents } from 'bullmq'
import type { Redis } from 'ioredis'
import { parseJson } from '../../base/json.js'
import { closeAll } from './connection.js'
import { type Outcome, outcome, type TrialJob } from './messages.js'
import { prefix } from './registry.js'

export interface Delivery {
  /** Unique in the study. */
  readonly id: string
  /** The queue, by its position. */
  readonly queue: number
  readonly job: TrialJob
  /** 1 is the most urgent; 0: in the order in which they come. */
  readonly priority: number
}

export interface Heard {
  readonly begun: (id: string) => void
  /** It waits again: its worker was lost, or has handed it back. */
  readonly back: (id: string) => void
  readonly ended: (id: string, outcome: Outcome) => void
}

export interface Deliveries {
  /** Those that are there already are left as they are. */
  add(deliveries: readonly Delivery[]): Promise<void>
  /** How many are in Redis, waiting or in work. */
  count(): Promise<number>
  /** Removes the study's queues. */
  clear(): Promise<void>
  close(): Promise<void>
}

const atOnce = 1000

export async function openDeliveries(redis: Redis, names: readonly string[], heard: Heard): Promise<Deliveries> {
  const { Queue, QueueEvents } = await import('bullmq')
  const queues: Queue[] = []
  const events: QueueEvents[] = []
  const connections: Redis[] = []
  for (const name of names) {
    const queue = new Queue(name, { connection: redis, prefix })
    queue.on('error', () => {})
    queues.push(queue)
    // What happened before has been read from the study's folder
    const [latest] = await redis.xrevrange(`${prefix}:${name}:events`, '+', '-', 'COUNT', 1)
    const connection = redis.duplicate()
    connection.on('error', () => {})
    connections.push(connection)
    const news = new QueueEvents(name, { connection, prefix, lastEventId: latest?.[0] ?? '0-0' })
    news.on('error', () => {})
    news.on('active', ({ jobId }) => heard.begun(jobId))
    news.on('waiting', ({ jobId, prev }) => {
      if (prev === 'active') heard.back(jobId)
    })
    news.on('stalled', ({ jobId }) => heard.back(jobId))
    news.on('completed', ({ jobId, returnvalue }) => {
      const ended = outcome.safeParse(typeof returnvalue === 'string' ? parseJson(returnvalue) : returnvalue)
      heard.ended(jobId, ended.data ?? { state: 'failed', reason: 'its worker sent no outcome that can be read' })
    })
    news.on('failed', ({ jobId, failedReason }) => {
      const reason = /stalled/.test(failedReason)
        ? 'it was lost with its worker again and again; look at what the workers said last'
        : failedReason
      heard.ended(jobId, { state: 'failed', reason })
    })
    await news.waitUntilReady()
    events.push(news)
  }
  return {
    add: async deliveries => {
      for (const [number, queue] of queues.entries()) {
        const own = deliveries.filter(one => one.queue === number)
        for (let first = 0; first < own.length; first += atOnce)
          await queue.addBulk(
            own.slice(first, first + atOnce).map(({ id, job, priority }) => ({
              name: 'trial',
              data: job,
              opts: { jobId: id, removeOnComplete: true, removeOnFail: true, ...(priority ? { priority } : {}) },
            })),
          )
      }
    },
    count: async () => {
      const counts = await Promise.all(
        queues.map(queue => queue.getJobCountByTypes('waiting', 'prioritized', 'active', 'delayed')),
      )
      return counts.reduce((sum, count) => sum + count, 0)
    },
    clear: async () => {
      for (const queue of queues) await queue.obliterate({ force: true })
    },
    close: async () => {
      await closeAll([...events, ...queues])
      for (const connection of connections) connection.disconnect()
    },
  }
}
