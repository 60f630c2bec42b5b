/** A worker: takes trials from the queues of the studies that it may and can work on, and says how they ended. */
import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, disconnect } from './connection.js'
import type { Card } from './messages.js'
import { performTrial } from './perform.js'
import { showCard, takeCard } from './registry.js'
import { type Studies, watchStudies } from './studies.js'
import { createTrialHost } from './trialHost.js'
import type { WorkerOptions } from './workerOptions.js'

/** How long it waits where there is nothing to do. */
const pause = 500
const cardEvery = 10_000
const lookEvery = 2000

/**
 * Works until its signal, or until it was idle for long enough.
 * @throws RegraftError('network') where Redis cannot be reached at the start; later it is waited for
 */
export async function runWorker(options: WorkerOptions): Promise<{ readonly trials: number }> {
  const { address, concurrency, machine, signal, tell } = options
  // Every trial at a time listens
  setMaxListeners(0, signal)
  const redis = await connect(address)
  const id = randomUUID()
  let down = false
  redis.on('close', () => {
    if (!down && !signal.aborted) tell(`The queue ${address.shown} is gone; trials at hand go on, and it is waited for`)
    down = true
  })
  redis.on('ready', () => {
    if (down) tell(`The queue ${address.shown} is back`)
    down = false
  })
  const studies: Studies = await watchStudies({ ...options, redis })
  const cardOf = (): Card => ({ id, ...machine, concurrency, refused: studies.refused() })
  const quietly = (work: Promise<unknown>) => void work.catch(() => {})
  await showCard(redis, cardOf())
  const cards = setInterval(() => quietly(showCard(redis, cardOf())), cardEvery)
  let shown = ''
  const look = async () => {
    await studies.look()
    const refused = JSON.stringify(studies.refused())
    if (refused !== shown) await showCard(redis, cardOf())
    shown = refused
  }
  const watch = setInterval(() => {
    if (!down) quietly(look())
  }, lookEvery)
  let trials = 0
  let busy = 0
  let since = performance.now()

  const slot = async (): Promise<void> => {
    const host = options.host?.() ?? createTrialHost(options.silence)
    try {
      while (!signal.aborted) {
        const taken = await take(studies, signal)
        if (taken) {
          busy++
          try {
            const ended = await performTrial({ ...taken, host, options, isDown: () => down })
            if (ended) trials++
          } finally {
            busy--
            since = performance.now()
          }
        } else {
          if (options.idle !== undefined && busy === 0 && performance.now() - since > 1000 * options.idle) return
          await sleep(pause, undefined, { signal }).catch(() => {})
        }
      }
    } finally {
      host.end()
    }
  }

  try {
    await Promise.all(Array.from({ length: concurrency }, slot))
    return { trials }
  } finally {
    clearInterval(cards)
    clearInterval(watch)
    await Promise.race([takeCard(redis, id).catch(() => {}), sleep(1000)])
    await studies.close()
    await disconnect(redis)
  }
}

/** The next trial of any study, or none. */
async function take(studies: Studies, signal: AbortSignal) {
  for (const study of studies.atWork()) {
    for (const queue of study.queues) {
      const token = randomUUID()
      const job = await unless(
        signal,
        queue.getNextJob(token, { block: false }).catch(() => undefined),
      )
      if (job && !signal.aborted) return { study, job, token }
      if (job) await unless(AbortSignal.timeout(1000), job.moveToWait(token))
    }
  }
  return undefined
}

/** What work gives, or nothing where the signal comes first: while Redis is away it is waited for, and Ctrl-C does not wait. */
const unless = <T>(signal: AbortSignal, work: Promise<T>): Promise<T | undefined> =>
  new Promise((done, failed) => {
    const give = () => done(undefined)
    signal.addEventListener('abort', give, { once: true })
    work.then(done, failed).finally(() => signal.removeEventListener('abort', give))
  })
