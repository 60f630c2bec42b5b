/** A process that trains for a worker, one trial after another: what it computes and how it may die is no business of the worker's lock. */
import { hostname } from 'node:os'
import { inOwnWords, RegraftError } from '../../base/errors.js'
import { cpuModel, usableCores } from '../../base/machine.js'
import { createImageStore, type Dataset, openDataset } from '../../data/index.js'
import type { Listener, TrainingEvent } from '../../training/index.js'
import { featuresOf } from '../folder.js'
import { cellOptions } from '../plan.js'
import { runTrial } from '../trial.js'
import { takeRun } from './fence.js'
import { addSitting } from './sittings.js'
import { type FromProcess, type TrialEnding, type TrialStep, type TrialTask, toProcess } from './trialMessages.js'

const stop = new AbortController()
/** Also while it looks at images and before the first step: whatever stops then has this as its reason. */
const handBack = () => stop.abort(new RegraftError('interrupted', 'the trial is handed back'))
const images = createImageStore()
/** How often it is looked whether the run is held still, beside each write. */
const lookEvery = 2000
const tellEvery = 500
let opened: { readonly key: string; readonly dataset: Dataset } | undefined

const tell = (message: FromProcess): Promise<void> =>
  new Promise(done => {
    if (!process.connected || !process.send) done()
    else process.send(message, () => done())
  })

async function datasetOf({ data, labels, exclude }: TrialTask): Promise<Dataset> {
  const key = JSON.stringify([data, labels, exclude])
  if (opened?.key !== key) opened = { key, dataset: await openDataset(data, { labels, exclude }) }
  return opened.dataset
}

/** What of an event is told, and whether it may be left out where another one was told a moment ago. */
function stepOf(event: TrainingEvent): { step: TrialStep; often: boolean } | undefined {
  if (event.type === 'epoch') return { step: { task: 'training', epoch: event.record.epoch, share: 1 }, often: false }
  if (event.type !== 'progress') return undefined
  const { task, epoch, done, total } = event
  const share = total ? { share: done / total } : {}
  return { step: { task, ...(epoch === undefined ? {} : { epoch }), ...share }, often: true }
}

async function train(task: TrialTask): Promise<TrialEnding> {
  let told = 0
  let sitting = Promise.resolve()
  const onEvent: Listener = event => {
    const threads = options.threads ?? usableCores()
    if (event.type === 'plan')
      sitting = addSitting(task.run, { host: hostname(), cpu: cpuModel(), engine: event.engine, threads })
    const news = stepOf(event)
    if (!news || (news.often && performance.now() - told < tellEvery)) return
    told = performance.now()
    tell({ type: 'step', step: news.step })
  }
  const { data, labels, weights, seed, splitSeed, until, run } = task
  const base = { ...task.base, ...(labels ? { labels } : {}), ...(weights ? { weights } : {}) }
  const cell = cellOptions(base, task.settings, task.scaleEpochs)
  const options = { ...cell, threads: cell.threads ?? task.threads, seed, splitSeed, run }
  const fence = await takeRun(run, task.token)
  const gone = (error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error)
    tell({ type: 'end', ending: { state: 'lost', reason } }).finally(() => process.exit(0))
  }
  const look = setInterval(() => fence.check().catch(gone), lookEvery)
  try {
    const reuse = { features: featuresOf(task.study), images }
    const places = { data, labels, weights }
    const hooks = { onEvent, signal: stop.signal, reuse, places, owner: true }
    const ending = await runTrial(await datasetOf(task), options, until, hooks)
    await sitting
    await fence.check()
    return ending
  } finally {
    clearInterval(look)
    await sitting.catch(() => {})
    fence.release()
  }
}

async function endingOf(task: TrialTask): Promise<TrialEnding> {
  try {
    return await train(task)
  } catch (thrown) {
    const error = inOwnWords(thrown)
    if (!(error instanceof RegraftError))
      return { state: 'crashed', reason: error instanceof Error ? (error.stack ?? error.message) : String(error) }
    const { code, message: reason } = error
    if (code === 'interrupted') return { state: 'interrupted' }
    if (code === 'data' || code === 'weights') return { state: 'broken', code, reason }
    return { state: reason.includes('was given to another worker') ? 'lost' : 'refused', reason }
  }
}

let work: Promise<void> = Promise.resolve()
process.on('message', message => {
  const parsed = toProcess.safeParse(message)
  if (!parsed.success) return
  if (parsed.data.type === 'stop') handBack()
  else {
    const { task } = parsed.data
    work = work.then(async () => tell({ type: 'end', ending: await endingOf(task) }))
  }
})
// Without its worker nobody renews its lock: it saves, which the fence allows while no other has the run, and ends.
process.on('disconnect', () => {
  handBack()
  work.finally(() => process.exit(0))
})
// A terminal sends Ctrl-C to its worker as well, which says what is to be done.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
