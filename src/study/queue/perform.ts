/** One trial in a worker's hands: its lock is renewed while it trains, and its end is told to the queue. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Token } from './fence.js'
import { outcome, trialJob } from './messages.js'
import { settingsHere } from './places.js'
import type { TrialHost } from './trialHost.js'
import type { TrialEnding, TrialStep } from './trialMessages.js'
import type { QueuedJob, StudyAtWork, WorkerOptions } from './workerOptions.js'

interface Performance {
  readonly study: StudyAtWork
  readonly job: QueuedJob
  /** Of the job's lock. */
  readonly token: string
  readonly host: TrialHost
  readonly options: WorkerOptions
  readonly isDown: () => boolean
}

/** Trials whose process has died so often are given up. */
const mostCrashes = 3
const tellEvery = 5000
/** After so long it is said that Redis does not answer. */
const patience = 3000

/** @returns whether the trial came to its end here */
export async function performTrial({ study, job, token, host, options, isDown }: Performance): Promise<boolean> {
  const { tell, signal, lock } = options
  const parsed = trialJob.safeParse(job.data)
  if (!parsed.success) {
    await job.moveToFailed(new Error('this is no trial'), token, false)
    return false
  }
  const data = parsed.data
  const run = join(study.places.folder, data.run)
  const lost = new AbortController()
  const lose = () => {
    if (lost.signal.aborted) return
    tell(`Lost: ${data.run} was given to another worker, or its study was withdrawn; nothing more is written here`)
    lost.abort()
  }
  const renewing = renew(job, token, 1000 * lock, lose)
  study.gone.addEventListener('abort', lose, { once: true })
  const grant: Token = [data.generation, data.until ?? Number.MAX_SAFE_INTEGER, job.attemptsStarted]
  const began = Date.now()
  const note = progressNotes(job, options, began)
  note({})
  try {
    const ended = await taskOf(study, data, run, options).then(
      task =>
        host.run(
          { ...task, threads: options.threads, token: grant },
          { onStep: note, stop: signal, kill: lost.signal },
        ),
      (error: Error): TrialEnding => ({ state: 'refused', reason: error.message }),
    )
    const seconds = ((Date.now() - began) / 1000).toFixed(1)
    if (ended.state === 'lost') {
      if (!lost.signal.aborted) tell(`Lost: ${ended.reason}`)
      return false
    }
    // Redis may be away; the trial's end stands in its folder in any case.
    const report = async (work: Promise<unknown>, kept: string) => {
      const told = work.then(
        () => true,
        () => {
          tell(`Lost: ${data.run} was given to another worker meanwhile; ${kept}`)
          return true
        },
      )
      if (!(await Promise.race([told, sleep(patience, false)])) && isDown())
        tell(`The queue ${options.address.shown} does not answer; ${data.run} ${kept}`)
      const stopped = new Promise(done => {
        if (signal.aborted) setTimeout(done, patience).unref()
        else signal.addEventListener('abort', () => setTimeout(done, patience).unref(), { once: true })
      })
      await Promise.race([told, stopped])
    }
    const inFolder = `is kept in ${run}, where its study finds it`
    if (ended.state === 'interrupted') {
      await report(job.moveToWait(token), inFolder)
      tell(`Handed back: ${data.run}; it is saved, and another worker goes on with it`)
      return false
    }
    if (ended.state === 'refused') {
      tell(`Handed back: ${data.run}: ${ended.reason}`)
      await report(job.moveToWait(token), inFolder)
      await sleep(tellEvery, undefined, { signal }).catch(() => {})
      return false
    }
    if (ended.state === 'crashed' && data.crashes + 1 < mostCrashes) {
      tell(`Handed back: ${data.run}: ${ended.reason}`)
      const again = async () => {
        await job.updateData({ ...data, crashes: data.crashes + 1 })
        await job.moveToWait(token)
      }
      await report(again(), inFolder)
      return false
    }
    const last = outcome.parse(
      ended.state === 'crashed'
        ? { state: 'failed', reason: `${ended.reason}; so it went ${mostCrashes} times` }
        : ended,
    )
    await report(job.moveToCompleted(last, token, false), inFolder)
    tell(`${data.run}: ${inWords[last.state]}, ${seconds} s`)
    return true
  } finally {
    renewing.end()
    study.gone.removeEventListener('abort', lose)
  }
}

const inWords = { done: 'done', stopped: 'reached its epoch', failed: 'failed', broken: 'cannot be run' } as const

async function taskOf(
  { description, places }: StudyAtWork,
  data: ReturnType<typeof trialJob.parse>,
  run: string,
  options: WorkerOptions,
) {
  const { scaleEpochs, splitSeed, exclude } = description
  const { seed, until } = data
  const { folder: study, ...files } = places
  const base = await settingsHere(description.base, options)
  const settings = await settingsHere(data.settings, options)
  return { run, study, ...files, exclude, base, settings, scaleEpochs, seed, splitSeed, until }
}

/** Renews a lock three times in its life. Where Redis does not answer it may be lost or not, and the fence decides. */
function renew(job: QueuedJob, token: string, life: number, lost: () => void) {
  let asking = false
  let over = false
  const timer = setInterval(async () => {
    if (asking) return
    asking = true
    const held = await job.extendLock(token, life).catch(() => 1)
    asking = false
    if (held === 1 || over) return
    over = true
    clearInterval(timer)
    lost()
  }, life / 3)
  return {
    end: () => {
      over = true
      clearInterval(timer)
    },
  }
}

/** Tells the queue how far a trial is: at each epoch, and else now and then. */
function progressNotes(job: QueuedJob, { machine }: WorkerOptions, since: number) {
  let told = Number.NEGATIVE_INFINITY
  let epoch: number | undefined
  return (step: TrialStep) => {
    if (step.epoch === epoch && performance.now() - told < tellEvery) return
    told = performance.now()
    epoch = step.epoch
    job.updateProgress({ host: machine.host, since, ...step }).catch(() => {})
  }
}
