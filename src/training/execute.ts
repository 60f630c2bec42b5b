/** Executes a run that is set up: compiles, computes features where the trunk is frozen, trains, measures the best epoch. */
import { existsSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { RegraftError } from '../base/errors.js'
import { removeLeftovers } from '../base/files.js'
import { withLock } from '../base/lock.js'
import { type FileStamps, type Loader, type Split, stateOf } from '../data/index.js'
import { type Engine, totalBytes } from '../engines/index.js'
import type { Graph } from '../graph/index.js'
import { type BatchSource, imageBatches } from './batches.js'
import { bestCheckpoint, lastCheckpoint, loadCheckpoint, type Position } from './checkpoint.js'
import { type Evaluation, evaluate } from './evaluate.js'
import type { Listener } from './events.js'
import { computeFeatures, featureBatches, featureFile, keptFeatures, readFeatures, writeFeatures } from './features.js'
import { bestOf, fit } from './fit.js'
import type { Grafted } from './graft.js'
import { percent, summarise } from './metrics.js'
import { withViews } from './mirror.js'
import { statisticsImages, withChosenStatistics, withNewStatistics } from './normStatistics.js'
import { writeOutcome } from './outcome.js'
import type { Schedule } from './own.js'
import { trainedFrom } from './phases.js'
import {
  type EpochRecord,
  type RunConfig,
  type RunResult,
  readHistory,
  rewriteHistory,
  testedWith,
} from './runFolder.js'
import {
  compileInference,
  compileOptions,
  compileTraining,
  type TrainingGraphs,
  type TrainingProgram,
  trainingGraphs,
} from './session.js'
import { balancedWeights } from './targets.js'

export interface Execution {
  readonly run: string
  readonly config: RunConfig
  readonly parts: Split
  readonly loader: Loader
  /** Of the data set's files. */
  readonly stamps: FileStamps
  readonly engine: Engine
  readonly grafted: Grafted
  readonly onEvent?: Listener | undefined
  readonly signal?: AbortSignal | undefined
  readonly reuse?: { readonly features: string } | undefined
  readonly schedule?: Schedule | undefined
  /** This process was given the run, whoever else may seem to train it. */
  readonly owner?: boolean | undefined
}

/** A run that has finished. */
export interface Finished {
  /** The run folder. */
  readonly run: string
  readonly config: RunConfig
  readonly history: readonly EpochRecord[]
  readonly result: RunResult
}

const beginning: Position = { epoch: 0, step: 0, seconds: 0 }

/**
 * Trains to the last epoch from where the run folder stands, and writes everything a run leaves.
 * @throws RegraftError('run') where another process trains the same run
 */
export async function execute(task: Execution): Promise<Finished> {
  const { run, signal } = task
  if (task.owner) await rm(join(run, 'running.lock'), { force: true })
  const refusal = new RegraftError('run', `another process is training ${run}; wait for it, or stop it first`)
  return withLock(join(run, 'running.lock'), () => trainOn(task), signal, undefined, refusal)
}

async function trainOn(task: Execution): Promise<Finished> {
  const { run, config, parts, loader, engine, grafted, onEvent = () => {}, signal } = task
  const { options, resolved } = config
  const classes = config.classes.length
  const began = performance.now()
  for (const folder of ['checkpoints', 'model']) await removeLeftovers(join(run, folder))
  const graphsAt = (epoch: number) => graphsOf(task, trainedFrom(epoch, grafted.network, options))
  const graphs = graphsAt(0)
  const { sourceAt, seconds } = batchSources(task, graphsAt)
  const inPhases = options.unfreeze.length > 0
  const source = inPhases ? imageBatches(loader, resolved.batchSize) : await sourceAt(0)
  const { size } = testedWith(config)
  const forward = config.testPreprocessing || inPhases ? graphsOf(task, undefined, size).trained : graphs.trained
  const inference = withViews(await compileInference(engine, forward, compileOptions(options)), size, options.tta)
  const phases = trainingPhases(task, graphsAt)
  try {
    const last = existsSync(lastCheckpoint(run)) ? await loadCheckpoint(lastCheckpoint(run)) : undefined
    const start = last?.at ?? beginning
    const first = await phases.at(start.epoch)
    if (last) await first.restore(valuesOf(last.tensors))
    const history = (await readHistory(run)).slice(0, start.epoch)
    await rewriteHistory(run, history)
    const before = history.reduce((sum, { seconds }) => sum + seconds, start.seconds)
    const bytes = totalBytes(first.program.memory)
    const images = { train: parts.train.length, validation: parts.val.length, test: parts.test.length }
    onEvent({ type: 'plan', run, engine: engine.name, bytes, trainedFrom: inPhases ? 'images' : graphs.input, images })
    const weightsOf = async (training: TrainingProgram) => new Map([...grafted.values, ...(await training.weights())])
    const evaluateOn = async (
      part: 'validation' | 'test',
      values: ReadonlyMap<string, Float32Array>,
      epoch?: number,
    ) => {
      await inference.write(values)
      const indices = part === 'test' ? parts.test : parts.val
      const at = epoch === undefined ? {} : { epoch: epoch + 1 }
      return evaluate(inference, source, indices, classes, done =>
        onEvent({ type: 'progress', task: part, done, total: indices.length, unit: 'image', ...at }),
      )
    }
    await fit({
      run,
      options,
      schedule: task.schedule,
      batchSize: resolved.batchSize,
      classes,
      trainingAt: phases.at,
      sourceAt,
      trainIndices: parts.train,
      classWeights:
        options.classWeights === 'balanced' ? balancedWeights(labelsOf(loader, parts.train), classes) : undefined,
      validate: async epoch =>
        parts.val.length === 0
          ? undefined
          : summarise((await evaluateOn('validation', await weightsOf(await phases.at(epoch)), epoch)).counts),
      history,
      start,
      onEvent,
      signal,
    })
    const training = await phases.at(history.length - 1)
    // Where the best epoch began from features, its checkpoint holds no trunk, which is then as it came.
    await training.restore(grafted.values)
    await training.restore(valuesOf((await loadCheckpoint(bestCheckpoint(run))).tensors))
    const best = await weightsOf(training)
    // What is left of memory is for the pass over the training images.
    await phases.dispose()
    const { values, validation, normStatistics } = await withChosenStatistics(
      options.freezeBatchNorm || (options.normStatistics === 'auto' && parts.val.length === 0)
        ? 'running'
        : options.normStatistics,
      best,
      () => recomputed(task, source, best, history),
      values => evaluateOn('validation', values),
    )
    if (options.normStatistics === 'auto' && normStatistics === 'recomputed')
      onEvent({ type: 'note', message: betterStatistics(history, validation) })
    const result = await writeOutcome({
      run,
      config,
      history,
      samples: loader.dataset.samples,
      validation,
      test: await evaluateOn('test', values),
      values,
      normStatistics,
      memory: bytes,
      seconds: {
        // Epochs of a session that was interrupted, and those of this one with all around them
        total: before + (performance.now() - began) / 1000,
        ...(seconds.features === undefined ? {} : { features: seconds.features }),
        training: history.reduce((sum, { seconds }) => sum + seconds, 0),
      },
    })
    return { run, config, history, result }
  } finally {
    await phases.dispose()
    await inference.program.dispose()
  }
}

const interruptedBefore = (run: string) =>
  new RegraftError(
    'interrupted',
    `Stopped while features were computed; they are computed anew. Go on with: regraft train --resume ${run}`,
  )

const valuesOf = (tensors: ReadonlyMap<string, { readonly values: Float32Array }>): Map<string, Float32Array> =>
  new Map([...tensors].map(([name, { values }]) => [name, values]))

const labelsOf = (loader: Loader, indices: readonly number[]): number[] =>
  indices.map(index => loader.dataset.samples[index]!.label)

const graphsOf = (
  { config, grafted }: Execution,
  freezeUntil: string | undefined,
  size = config.preprocessing.size,
): TrainingGraphs => {
  const { options, resolved, classes } = config
  const set = { ...options, freezeUntil, batchSize: resolved.batchSize }
  return trainingGraphs(grafted.network, set, classes.length, size, resolved.cacheFeatures)
}

/** The training program of each epoch: compiled anew where more is unfrozen, with the values that the last one left. */
function trainingPhases(task: Execution, graphsAt: (epoch: number) => TrainingGraphs) {
  const { config, engine, grafted } = task
  const { options } = config
  let current: { readonly from: string | undefined; readonly training: TrainingProgram } | undefined
  const dispose = async () => {
    await current?.training.program.dispose()
    current = undefined
  }
  const at = async (epoch: number): Promise<TrainingProgram> => {
    const from = trainedFrom(epoch, grafted.network, options)
    if (current && current.from === from) return current.training
    const state = await current?.training.state()
    await dispose()
    const graphs = graphsAt(epoch)
    const training = await compileTraining(engine, grafted.network, graphs, options, task.onEvent)
    current = { from, training }
    await training.restore(grafted.values)
    if (state) await training.restore(state)
    return training
  }
  return { at, dispose }
}

const betterStatistics = (history: readonly EpochRecord[], { counts }: Evaluation): string => {
  const [running, recomputed] = [bestOf(history)!.validation!.top1, summarise(counts).top1].map(percent)
  return `Statistics of batch norms are recomputed over training images: validation accuracy ${recomputed}, with those that ran with training ${running}`
}

/** The best epoch's values, with statistics of the norms that it trained computed anew. */
function recomputed(
  task: Execution,
  source: BatchSource,
  best: ReadonlyMap<string, Float32Array>,
  history: readonly EpochRecord[],
): Promise<Map<string, Float32Array> | undefined> {
  const { config, engine, grafted, parts } = task
  const { options, resolved } = config
  const trained = trainedFrom(bestOf(history)!.epoch - 1, grafted.network, options)
  const images = statisticsImages(parts.train, resolved.batchSize, options.seed)
  const forward = graphsOf(task, trained).trained
  const batches = source(images, { epoch: options.epochs, training: true })
  return withNewStatistics(engine, forward, compileOptions(options), best, batches, done =>
    task.onEvent?.({ type: 'progress', task: 'statistics', done, total: images.length, unit: 'image' }),
  )
}

/** The batches of each epoch: of images, or of features of what is frozen in it, which are computed once. */
function batchSources(task: Execution, graphsAt: (epoch: number) => TrainingGraphs) {
  const { config, loader, run, signal } = task
  const seconds: { features?: number } = {}
  const known = new Map<string, BatchSource>()
  const sourceAt = async (epoch: number): Promise<BatchSource> => {
    const graphs = graphsAt(epoch)
    const before = known.get(graphs.input)
    if (before) return before
    const { frozen } = graphs
    if (!frozen) return imageBatches(loader, config.resolved.batchSize)
    const began = performance.now()
    const { train, val, test } = task.parts
    // Where more is trained later, the whole network is validated on images.
    const read = config.options.unfreeze.length > 0 ? train : [...train, ...val, ...test]
    const source = await batchesOfFeatures(task, frozen, graphs.input, read).catch(error => {
      throw signal?.aborted ? interruptedBefore(run) : error
    })
    seconds.features = (seconds.features ?? 0) + (performance.now() - began) / 1000
    known.set(graphs.input, source)
    return source
  }
  return { sourceAt, seconds }
}

/** Batches of features of a frozen trunk, which are computed here, once. */
async function batchesOfFeatures(
  task: Execution,
  frozen: Graph,
  cut: string,
  read: readonly number[],
): Promise<BatchSource> {
  const { config, loader, stamps, engine, grafted, onEvent, signal, reuse } = task
  const { batchSize } = config.resolved
  const images = imageBatches(loader, batchSize, signal)
  const { dataset } = loader
  const samples = [...read].sort((a, b) => a - b)
  const file = featureFile(reuse?.features ?? keptFeatures(), config, engine.name, cut, stateOf(stamps, samples))
  const compute = async () => {
    const before = await readFeatures(file, samples)
    if (before) {
      onEvent?.({
        type: 'note',
        message: 'The features of the frozen trunk are those of an earlier run on the same images.',
      })
      return before
    }
    const trunk = await compileInference(engine, frozen, compileOptions(config.options))
    try {
      await trunk.write(grafted.values)
      const computed = await computeFeatures(images, trunk, samples, batchSize, done =>
        onEvent?.({ type: 'progress', task: 'features', done, total: samples.length, unit: 'image' }),
      )
      await writeFeatures(file, samples, computed)
      return computed
    } finally {
      await trunk.program.dispose()
    }
  }
  // Of the runs of a study that begin at the same moment one computes, and the others read
  const features = reuse && !existsSync(file) ? await onlyOne(file, compute, signal) : await compute()
  const labels = dataset.samples.map(({ label }) => label)
  return featureBatches(features, labels, batchSize)
}

async function onlyOne<T>(file: string, work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  await mkdir(dirname(file), { recursive: true })
  return withLock(`${file}.lock`, work, signal)
}
