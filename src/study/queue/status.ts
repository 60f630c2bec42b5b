/** How the studies of a queue go, from Redis alone: what waits, what runs where, what failed, and the time that is left. */
import type { Redis } from 'ioredis'
import { timeLeft } from '../timeLeft.js'
import { type Card, type Description, progress, type Summary, trialJob } from './messages.js'
import { lacking } from './needs.js'
import { announced, prefix, summaryOf, workersThere } from './registry.js'

export interface RunningTrial {
  readonly run: string
  readonly host: string
  readonly task: string | undefined
  readonly epoch: number | undefined
  readonly epochs: number | undefined
  /** Seconds that its worker has had it. */
  readonly seconds: number
}

export interface StudyStatus {
  readonly study: Description
  readonly waiting: number
  readonly running: readonly RunningTrial[]
  readonly summary: Summary | undefined
  /** What of trials that wait no worker has. */
  readonly unmet: readonly string[]
  /** Seconds for what is left, from what the workers measured; undefined until a trial has finished. */
  readonly left: number | undefined
}

export interface QueueStatus {
  readonly studies: readonly StudyStatus[]
  readonly workers: readonly Card[]
}

/** How many running trials are looked at. */
const mostShown = 200

export async function queueStatus(redis: Redis): Promise<QueueStatus> {
  const { Queue } = await import('bullmq')
  const workers = await workersThere(redis)
  const studies: StudyStatus[] = []
  for (const study of await announced(redis)) {
    const running: RunningTrial[] = []
    let waiting = 0
    const unmet: string[] = []
    for (const { name, needs } of study.queues) {
      const queue = new Queue(name, { connection: redis, prefix })
      queue.on('error', () => {})
      const waitHere = await queue.getJobCountByTypes('waiting', 'prioritized', 'delayed')
      waiting += waitHere
      const lacks = workers.map(one => lacking(needs, one))
      if (waitHere > 0 && lacks[0] !== undefined && !lacks.includes(undefined))
        unmet.push(`${waitHere} wait for a worker that has ${lacks[0].replace(/ \(.*/, '')}`)
      for (const job of await queue.getJobs('active', 0, mostShown - 1)) {
        const data = trialJob.safeParse(job?.data).data
        if (!data) continue
        const note = progress.safeParse(job.progress).data
        const epochs = data.until ?? numberOf(data.settings.epochs ?? study.base.epochs)
        running.push({
          run: data.run,
          host: note?.host ?? '',
          task: note?.task,
          epoch: note?.epoch,
          epochs:
            epochs === undefined ? undefined : Math.max(1, Math.round(epochs * (data.until ? 1 : study.scaleEpochs))),
          seconds: Math.max(0, (Date.now() - (note?.since ?? job.processedOn ?? Date.now())) / 1000),
        })
      }
      await queue.close()
    }
    const summary = await summaryOf(redis, study.id)
    const places = workers.reduce((sum, { concurrency }) => sum + concurrency, 0)
    const since = running.map(({ seconds }) => seconds)
    const left = timeLeft(waiting, since, summary?.seconds, places)
    studies.push({ study, waiting, running, summary, unmet, left })
  }
  return { studies, workers }
}

const numberOf = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined)
