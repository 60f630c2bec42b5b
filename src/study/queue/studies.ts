/** The studies that a worker sees in Redis: each is looked at once, taken on or refused in words. */
import type { Redis } from 'ioredis'
import { RegraftError } from '../../base/errors.js'
import { version } from '../../base/version.js'
import { type Dataset, openDataset } from '../../data/index.js'
import { holdsStudy } from '../folder.js'
import { closeAll } from './connection.js'
import { differenceOf, fingerprintOf } from './fingerprint.js'
import type { Description } from './messages.js'
import { lacking } from './needs.js'
import { placesOf, type StudyPlaces } from './places.js'
import { announced, prefix } from './registry.js'
import { readTicket } from './ticket.js'
import type { StudyAtWork, WorkerOptions } from './workerOptions.js'

export interface Studies {
  /** Looks at what is new or gone. */
  look(): Promise<void>
  /** Those that it works on; another one is the first each time. */
  atWork(): readonly StudyAtWork[]
  refused(): { readonly study: string; readonly reason: string }[]
  /** Does not work on it for a while. */
  rest(id: string): void
  close(): Promise<void>
}

type Watching = Pick<WorkerOptions, 'allow' | 'mounts' | 'machine' | 'concurrency' | 'lock' | 'tell'> & {
  readonly redis: Redis
}

/** What was refused may have been mended since. */
const lookAgain = 60_000
const restFor = 30_000
/** A trial may lose so many workers; then it is taken for what kills them. */
const mostLost = 100

interface Refusal {
  readonly name: string
  readonly reason: string
  readonly at: number
}

export async function watchStudies(options: Watching): Promise<Studies> {
  const { redis, tell } = options
  const working = new Map<string, StudyAtWork>()
  const refusals = new Map<string, Refusal>()
  const resting = new Map<string, number>()
  const { Worker } = await import('bullmq')
  const open = async (name: string, connection: Redis) => {
    const queue = new Worker<unknown, unknown>(name, undefined, {
      connection,
      prefix,
      autorun: false,
      lockDuration: 1000 * options.lock,
      stalledInterval: 1000 * options.lock,
      maxStalledCount: mostLost,
    })
    queue.on('error', () => {})
    await queue.startStalledCheckTimer()
    return queue
  }
  const takeOn = async (description: Description): Promise<void> => {
    const { id, name } = description
    const refuse = (reason: string) => {
      if (refusals.get(id)?.reason !== reason) tell(`Refused: study ${name}: ${reason}`)
      refusals.set(id, { name, reason, at: performance.now() })
    }
    try {
      const places = await checkedPlaces(description, options)
      const able = description.queues.filter(
        ({ needs }) => lacking(needs, { ...options.machine, ...options }) === undefined,
      )
      for (const { needs } of description.queues) {
        const lack = lacking(needs, { ...options.machine, ...options })
        if (lack) tell(`Study ${name}: left to others are trials that need ${lack}`)
      }
      if (able.length === 0) return refuse('its trials need more than this worker has')
      refusals.delete(id)
      const connection = redis.duplicate()
      connection.on('error', () => {})
      const queues = await Promise.all(able.map(one => open(one.name, connection)))
      const gone = new AbortController()
      const close = async () => {
        gone.abort()
        await closeAll(queues)
        connection.disconnect()
      }
      working.set(id, { description, places, queues, gone: gone.signal, close })
      tell(`Works on study ${name} in ${places.folder}`)
    } catch (error) {
      if (!(error instanceof RegraftError)) throw error
      refuse(error.message)
    }
  }
  let looking: Promise<void> | undefined
  const lookNow = async () => {
    const there = await announced(redis)
    for (const id of [...working.keys()])
      if (!there.some(one => one.id === id)) {
        const { close } = working.get(id)!
        working.delete(id)
        await close()
      }
    for (const description of there) {
      const known = working.get(description.id)
      const before = refusals.get(description.id)
      if (!known && !(before && performance.now() - before.at < lookAgain)) await takeOn(description)
    }
  }
  const studies: Studies = {
    look: () => {
      looking ??= lookNow().finally(() => {
        looking = undefined
      })
      return looking
    },
    atWork: () => {
      const now = performance.now()
      const all = [...working.values()].filter(({ description }) => (resting.get(description.id) ?? 0) < now)
      const first = Math.floor(Math.random() * all.length)
      return [...all.slice(first), ...all.slice(0, first)]
    },
    refused: () => [...refusals.values()].map(({ name, reason }) => ({ study: name, reason })),
    rest: id => void resting.set(id, performance.now() + restFor),
    close: async () => {
      await Promise.all([...working.values()].map(({ close }) => close()))
    },
  }
  await studies.look()
  return studies
}

/** The study's places here. @throws RegraftError where this machine does not see what the study means */
async function checkedPlaces(description: Description, { mounts, allow }: Watching): Promise<StudyPlaces> {
  if (description.version !== version)
    throw new RegraftError(
      'usage',
      `it was planned by regraft ${description.version}, and this is ${version}; numbers may differ: install the same`,
    )
  const places = await placesOf(description, mounts, allow)
  const ticket = await readTicket(places.folder)
  if (!holdsStudy(places.folder) || ticket?.id !== description.id)
    throw new RegraftError(
      'data',
      `${places.folder} is not the study's folder: ${ticket ? 'another study is' : 'no study that was enqueued is'} there; check --mount`,
    )
  const dataset: Dataset = await openDataset(places.data, { exclude: description.exclude, labels: places.labels })
  const difference = differenceOf(description.images, await fingerprintOf(dataset))
  if (difference)
    throw new RegraftError('data', `${places.data} holds other images than the study's: ${difference}; check --mount`)
  return places
}
