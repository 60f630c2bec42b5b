/** The training loop: epochs of steps, validation after each, checkpoints, and the best epoch in the end. */

import { RegraftError } from '../base/errors.js'
import { randomStream, shuffled } from '../base/random.js'
import type { BatchSource } from './batches.js'
import { bestCheckpoint, lastCheckpoint, type Position, saveCheckpoint } from './checkpoint.js'
import type { Listener } from './events.js'
import { count, type Metrics, newCounts, summarise } from './metrics.js'
import type { ResolvedOptions } from './options.js'
import { ownFactor, type Schedule } from './own.js'
import { appendEpoch, type EpochRecord } from './runFolder.js'
import { rateFactor, warmupFactor } from './schedule.js'
import type { StepResult, TrainingProgram } from './session.js'
import { mixImages, targetsOf } from './targets.js'

export interface Fit {
  readonly run: string
  readonly options: ResolvedOptions
  /** Instead of the one that the options name. */
  readonly schedule?: Schedule | undefined
  readonly batchSize: number
  readonly classes: number
  /** The program that trains in an epoch (from 0); another one where more is unfrozen. */
  trainingAt(epoch: number): Promise<TrainingProgram>
  /** Where its batches come from. */
  sourceAt(epoch: number): Promise<BatchSource>
  /** Positions of the training images in the data set. */
  readonly trainIndices: readonly number[]
  /** Weight of each class in the loss; undefined where all count the same. */
  readonly classWeights?: readonly number[] | undefined
  /** Metrics of the current weights on the validation images; undefined where there are none. */
  validate(epoch: number): Promise<Metrics | undefined>
  readonly history: EpochRecord[]
  readonly start: Position
  readonly onEvent: Listener
  readonly signal?: AbortSignal | undefined
}

/** The epoch with the best validation accuracy (the first of equals), or the last where nothing was validated. */
export function bestOf(history: readonly EpochRecord[]): EpochRecord | undefined {
  const score = ({ validation }: EpochRecord) => validation?.top1 ?? 0
  const validated = history.some(({ validation }) => validation)
  return history.reduce<EpochRecord | undefined>((best, record) => {
    return !best || (validated ? score(record) > score(best) : true) ? record : best
  }, undefined)
}

/** Trains from `start` to the last epoch; `history` grows by one record an epoch. */
export async function fit(task: Fit): Promise<void> {
  for (let epoch = task.start.epoch; epoch < task.options.epochs; epoch++) {
    const from = epoch === task.start.epoch ? task.start : { epoch, step: 0, seconds: 0 }
    if (outOfPatience(task.history, task.options.patience)) return
    await trainEpoch(task, from)
  }
}

/** Whether the best epoch lies `patience` epochs back or more. */
const outOfPatience = (history: readonly EpochRecord[], patience: number | undefined): boolean =>
  patience !== undefined && history.length - (bestOf(history)?.epoch ?? history.length) >= patience

async function trainEpoch(task: Fit, from: Position): Promise<void> {
  const { options, batchSize, classes, trainIndices, onEvent } = task
  const { epoch } = from
  const training = await task.trainingAt(epoch)
  const began = performance.now()
  const seconds = () => from.seconds + (performance.now() - began) / 1000
  const factor = task.schedule ? ownFactor(task.schedule, epoch, options.epochs) : rateFactor(epoch, options)
  const rates = { backbone: options.lrBackbone * factor, head: options.lrHead * factor }
  const counts = from.counts ?? newCounts(classes)
  // What does not fill a batch is dropped: its batch statistics and its step would weigh more than the others'.
  const steps = Math.floor(trainIndices.length / (batchSize * options.accumulate)) * options.accumulate
  const saveEvery = options.saveEvery === undefined ? undefined : secondsOf(options.saveEvery)
  let saved = performance.now()
  const order = shuffled(trainIndices, randomStream(options.seed, 'shuffle', epoch)).slice(0, steps * batchSize)
  let step = from.step
  /** The step whose result has not been looked at, with those of an engine that lets the next one be prepared meanwhile. */
  let open: { readonly result: Promise<StepResult>; readonly labels: Int32Array; readonly step: number } | undefined
  const settle = async () => {
    if (!open) return
    const { result, labels, step: done } = open
    open = undefined
    const { loss, logits } = await result
    if (!Number.isFinite(loss)) throw diverged(epoch, done, rates, loss)
    count(counts, logits, labels)
    onEvent({
      type: 'progress',
      task: 'training',
      done: counts.images,
      total: steps * batchSize,
      unit: 'image',
      epoch: epoch + 1,
    })
  }
  const source = await task.sourceAt(epoch)
  for await (const batch of source(order.slice(step * batchSize), { epoch, training: true })) {
    const targets = targetsOf(batch.labels, classes, batchSize, options.labelSmoothing, task.classWeights)
    if (epoch < options.epochs - options.mixOffEpochs)
      mixImages(batch.inputs, targets, batchSize, options, randomStream(options.seed, 'mix', epoch, step))
    const overall = epoch * steps + step + 1
    const at = { epoch, step, overall, factor: factor * warmupFactor(Math.ceil(overall / options.accumulate), options) }
    const result = training.begin
      ? (await training.begin(batch.inputs, targets, at)).result
      : training.step(batch.inputs, targets, at)
    // Whoever looks at it gets the error; nobody does where the step before fails
    result.catch(() => {})
    step++
    await settle()
    open = { result, labels: batch.labels, step }
    if (!training.begin) await settle()
    const stopping = task.signal?.aborted
    if (stopping || (saveEvery && performance.now() - saved >= 1000 * saveEvery)) {
      await settle()
      await save(task.run, training, { epoch, step, counts, seconds: seconds() })
      saved = performance.now()
    }
    if (stopping) throw interrupted(task.run, epoch, step, steps)
  }
  await settle()
  const trainSeconds = seconds()
  const validation = await task.validate(epoch)
  const record: EpochRecord = {
    epoch: epoch + 1,
    lrBackbone: rates.backbone,
    lrHead: rates.head,
    seconds: seconds(),
    imagesPerSecond: counts.images / trainSeconds,
    train: summarise(counts),
    ...(validation ? { validation } : {}),
  }
  task.history.push(record)
  const best = bestOf(task.history) === record
  await appendEpoch(task.run, record)
  if (best)
    await saveCheckpoint(bestCheckpoint(task.run), await tensors(training), { epoch: epoch + 1, step: 0, seconds: 0 })
  await save(task.run, training, { epoch: epoch + 1, step: 0, seconds: 0 })
  const mean = task.history.reduce((sum, entry) => sum + entry.seconds, 0) / task.history.length
  onEvent({ type: 'epoch', record, epochs: options.epochs, best, remaining: mean * (options.epochs - epoch - 1) })
  if (task.signal?.aborted && epoch + 1 < options.epochs) throw interrupted(task.run, epoch + 1, 0, steps)
}

async function tensors(training: TrainingProgram) {
  const state = await training.state()
  return new Map([...state].map(([name, values]) => [name, { shape: training.graph.values.get(name)!.shape, values }]))
}

const save = async (run: string, training: TrainingProgram, at: Position): Promise<void> =>
  saveCheckpoint(lastCheckpoint(run), await tensors(training), at)

/** '90s', '10m', '1h' */
const secondsOf = (time: string): number => Number.parseFloat(time) * { s: 1, m: 60, h: 3600 }[time.at(-1) as 's']

const interrupted = (run: string, epoch: number, step: number, steps: number) =>
  new RegraftError(
    'interrupted',
    `Stopped at epoch ${epoch + 1}, step ${step} of ${steps}; everything is saved. Go on with: regraft train --resume ${run}`,
  )

const diverged = (epoch: number, step: number, rates: { backbone: number; head: number }, loss: number) =>
  new RegraftError(
    'training',
    `the loss became ${loss} at epoch ${epoch + 1}, step ${step}, with learning rates ${Number(rates.backbone.toPrecision(3))} (backbone) and ${Number(rates.head.toPrecision(3))} (head); ` +
      'try rates ten times smaller (--lr-backbone, --lr-head), or --warmup-epochs 1',
  )
