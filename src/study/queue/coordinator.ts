/** Follows a study on a queue: enqueues what its folder says is not finished, books what comes back, and goes on until all is. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { RegraftError } from '../../base/errors.js'
import { withLock } from '../../base/lock.js'
import { version } from '../../base/version.js'
import { type Dataset, sourceOf } from '../../data/index.js'
import type { Network } from '../../models/index.js'
import { readHistory, resultFile } from '../../training/index.js'
import { readStudyRecord } from '../folder.js'
import { reached } from '../progress.js'
import type { StudyCell, StudyRecord } from '../record.js'
import type { StudyHooks } from '../run.js'
import { openBooks } from './books.js'
import { connect, disconnect, type QueueAddress } from './connection.js'
import { type Deliveries, type Delivery, openDeliveries } from './deliveries.js'
import { fingerprintOf } from './fingerprint.js'
import type { Description, Needs, Outcome } from './messages.js'
import { needsOf } from './needs.js'
import { announce, isAnnounced, showSummary, takeWord, wasWithdrawn, withdraw } from './registry.js'
import { machinesOf } from './sittings.js'
import { halvingTasks, plainTasks, type Task } from './tasks.js'
import { nextTicket } from './ticket.js'

export interface FollowOptions extends StudyHooks {
  readonly address: QueueAddress
  readonly networkOf: (cell: StudyCell) => Promise<Network | undefined>
  /** Hears in a line what a person should know. */
  readonly tell: (line: string) => void
}

const tickEvery = 5000
const summaryEvery = 1000
/** A file that another machine wrote may take so many seconds to be seen here. */
const visibleAfter = 5

/**
 * Has a study's runs trained by the workers of a queue.
 * @throws RegraftError('interrupted') after the signal: the jobs stay, and workers go on; or what concerns every run
 */
export function followStudy(folder: string, dataset: Dataset, options: FollowOptions): Promise<StudyRecord> {
  const refusal = new RegraftError('run', `another process follows the study in ${folder}; stop it first`)
  const lock = join(folder, 'coordinator.lock')
  return withLock(lock, () => follow(folder, dataset, options), options.signal, undefined, refusal)
}

async function follow(folder: string, dataset: Dataset, options: FollowOptions): Promise<StudyRecord> {
  const { address, signal, tell } = options
  const first = await readStudyRecord(folder)
  const { id, generation: start } = await nextTicket(folder)
  let generation = start
  const needs = await needsOf(first, dataset.classes.length, options.networkOf)
  const classes = [...new Set(needs.map(one => JSON.stringify(one)))]
  const queueOf = needs.map(one => classes.indexOf(JSON.stringify(one)))
  const description = await describe(
    folder,
    first,
    dataset,
    id,
    classes.map(text => JSON.parse(text) as Needs),
  )
  const redis = await connect(address)
  const books = openBooks(folder, first, record => options.onChange?.(record))
  const tasks = first.halving ? await halvingTasks(folder, first) : plainTasks(first)
  const pending = new Map<string, Task>()
  let lastNews = performance.now()
  let finish: (error?: unknown) => void = () => {}
  const finished = new Promise<void>((done, failed) => {
    finish = error => (error === undefined ? done() : failed(error))
  })
  finished.catch(() => {})

  const runOf = ({ place }: Task) => books.run(place)
  const folderOf = ({ place: { cell, run } }: Task) => join(folder, first.cells[cell]!.runs[run]!.folder)
  const delivery = (task: Task): Delivery => {
    const { cell, run } = task.place
    const { settings, runs } = first.cells[cell]!
    const { seed, folder: name } = runs[run]!
    const until = task.until === undefined ? {} : { until: task.until }
    return {
      id: `t${cell}-${run}-${task.until ?? 'all'}`,
      queue: queueOf[cell]!,
      job: { settings: placed(settings), seed, run: name, generation, ...until },
      priority: task.priority,
    }
  }
  /** What the folder says, whoever has done it. */
  const isThere = async (task: Task): Promise<Outcome['state'] | undefined> => {
    const run = folderOf(task)
    if (existsSync(resultFile(run))) return 'done'
    return task.until !== undefined && (await readHistory(run)).length >= task.until ? 'stopped' : undefined
  }
  const enqueue = async () => {
    for (let next = await tasks.next(); next.length > 0; next = await tasks.next()) {
      const waiting: Delivery[] = []
      for (const task of next) {
        const one = delivery(task)
        pending.set(one.id, task)
        const state = await isThere(task)
        if (state === 'done' || state === 'stopped') await settle(one.id, { state })
        else waiting.push(one)
      }
      await deliveries.add(waiting)
    }
    if (pending.size === 0) finish()
  }
  const settling = new Set<string>()
  const settle = async (jobId: string, ended: Outcome): Promise<void> => {
    const task = pending.get(jobId)
    if (!task || settling.has(jobId)) return
    settling.add(jobId)
    lastNews = performance.now()
    try {
      if (ended.state === 'broken') return finish(new RegraftError(ended.code, ended.reason))
      if (ended.state === 'failed') books.note(task.place, ended)
      else {
        let there = await isThere(task)
        for (let i = 0; i < visibleAfter && there === undefined; i++) {
          await new Promise(done => setTimeout(done, 1000))
          there = await isThere(task)
        }
        if (there === undefined) {
          tell(
            `${runOf(task).folder} was said to be ${ended.state}, and its folder does not show it; it is enqueued again`,
          )
          return deliveries.add([delivery(task)])
        }
        const run = folderOf(task)
        const state = there === 'done' ? 'done' : 'stopped'
        const machines = await machinesOf(run)
        books.note(task.place, { state, ...(await reached(run)), ...(machines.length > 0 ? { machines } : {}) })
      }
      pending.delete(jobId)
      await tasks.ended(task.place, runOf(task))
    } finally {
      settling.delete(jobId)
    }
  }
  let enqueuing: Promise<void> = Promise.resolve()
  const goOn = () => {
    enqueuing = enqueuing.then(enqueue).catch(finish)
  }
  const state = (name: 'running' | 'waiting') => (jobId: string) => {
    const task = pending.get(jobId)
    if (task) books.note(task.place, { state: name })
  }
  const deliveries: Deliveries = await openDeliveries(
    redis,
    description.queues.map(({ name }) => name),
    {
      begun: state('running'),
      back: state('waiting'),
      ended: (jobId, ended) => void settle(jobId, ended).then(goOn, finish),
    },
  )

  /** Redis may have been emptied, or have lost its last second. */
  let missing = 0
  const look = async () => {
    if (await wasWithdrawn(redis, id)) throw withdrawn(folder, address)
    if (!(await isAnnounced(redis, id))) await announce(redis, description)
    const short = (await deliveries.count()) < pending.size && performance.now() - lastNews > tickEvery
    missing = short ? missing + 1 : 0
    if (missing < 2) return
    missing = 0
    generation = (await nextTicket(folder)).generation
    tell('The queue has lost trials; what is not finished is enqueued again')
    for (const [jobId, task] of [...pending]) {
      const there = await isThere(task)
      if (there === 'done' || there === 'stopped') await settle(jobId, { state: there })
    }
    await deliveries.add([...pending.values()].map(delivery))
    goOn()
  }
  let looking = false
  const tick = setInterval(() => {
    if (looking || redis.status !== 'ready') return
    looking = true
    look()
      .catch(error => {
        if (error instanceof RegraftError) finish(error)
      })
      .finally(() => {
        looking = false
      })
  }, tickEvery)
  const summaries = setInterval(() => {
    if (redis.status === 'ready') showSummary(redis, id, books.summary()).catch(() => {})
  }, summaryEvery)
  let down = false
  redis.on('close', () => {
    if (!down && !signal?.aborted)
      tell(`The queue ${address.shown} is gone; workers finish what they have, and it is waited for`)
    down = true
  })
  redis.on('ready', () => {
    if (down) tell(`The queue ${address.shown} is back`)
    down = false
  })
  const onAbort = () =>
    finish(
      new RegraftError(
        'interrupted',
        `Stopped following; ${pending.size} trials stay in the queue, and workers go on with them. Follow again with: regraft study --resume ${folder} --queue ${address.shown}`,
      ),
    )
  signal?.addEventListener('abort', onAbort, { once: true })
  if (signal?.aborted) onAbort()
  let over = false
  try {
    await takeWord(redis, id)
    await announce(redis, description)
    goOn()
    await finished
    over = true
  } finally {
    clearInterval(tick)
    clearInterval(summaries)
    down = true
    if (over) {
      await withdraw(redis, id)
      await deliveries.clear()
    }
    await deliveries.close()
    await disconnect(redis)
    await books.close()
  }
  return books.record()
}

/** Weights that are a file here, by their whole path: workers start in other folders. */
const placed = <Given extends StudyCell['settings']>(settings: Given): Given =>
  typeof settings.weights === 'string' && existsSync(settings.weights)
    ? { ...settings, weights: resolve(settings.weights) }
    : settings

const withdrawn = (folder: string, { shown }: QueueAddress) =>
  new RegraftError(
    'run',
    `the study was withdrawn from the queue; what was trained is kept in ${folder}. Go on with: regraft study --resume ${folder} --queue ${shown}`,
  )

/** The study as its workers see it. */
async function describe(
  folder: string,
  record: StudyRecord,
  dataset: Dataset,
  id: string,
  classes: readonly Needs[],
): Promise<Description> {
  const { name, base, scaleEpochs, seeds } = record
  const { labels, weights, exclude } = base
  const file = typeof weights === 'string' && existsSync(weights) ? { weights: resolve(weights) } : {}
  const named = Array.isArray(exclude) ? exclude : []
  return {
    id,
    version,
    name,
    folder: resolve(folder),
    data: resolve(sourceOf(dataset)),
    // The data set's own background class, which its folder holds
    exclude: record.data === 'caltech101' ? [...named, 'BACKGROUND_Google'] : named,
    ...(typeof labels === 'string' ? { labels: resolve(labels) } : {}),
    ...file,
    base,
    scaleEpochs,
    splitSeed: seeds[0] ?? 0,
    images: await fingerprintOf(dataset),
    queues: classes.map((needs, i) => ({ name: `study-${id}-${i}`, needs })),
  }
}
