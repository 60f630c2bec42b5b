/** Executes a run that is set up: compiles, computes features where the trunk is frozen, trains, tests the best epoch. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Loader, Split } from '../data/index.js'
import type { Engine } from '../engines/index.js'
import { trainableParameters } from '../graph/index.js'
import { type BatchSource, featureBatches, imageBatches } from './batches.js'
import { modelCard } from './card.js'
import { bestCheckpoint, lastCheckpoint, loadCheckpoint, type Position } from './checkpoint.js'
import { evaluate } from './evaluate.js'
import type { Listener } from './events.js'
import { bestOf, fit } from './fit.js'
import type { Grafted } from './graft.js'
import { parameterGroups } from './groups.js'
import { perClass, summarise, wilsonInterval } from './metrics.js'
import { writeModel } from './model.js'
import {
  type EpochRecord,
  type RunConfig,
  type RunResult,
  readHistory,
  rewriteHistory,
  type WithInterval,
  writePredictions,
  writeResult,
} from './runFolder.js'
import { compileInference, compileTraining, type Inference, type TrainingGraphs, trainingGraphs } from './session.js'
import { balancedWeights } from './targets.js'

export interface Execution {
  readonly run: string
  readonly config: RunConfig
  readonly parts: Split
  readonly loader: Loader
  readonly engine: Engine
  readonly grafted: Grafted
  readonly onEvent?: Listener | undefined
  readonly signal?: AbortSignal | undefined
}

/** A run that has finished. */
export interface Finished {
  /** The run folder. */
  readonly run: string
  readonly config: RunConfig
  readonly history: readonly EpochRecord[]
  readonly result: RunResult
}

const withInterval = (metrics: ReturnType<typeof summarise>): WithInterval => ({
  ...metrics,
  interval: wilsonInterval(metrics.top1, metrics.images),
})

const beginning: Position = { epoch: 0, step: 0, seconds: 0 }

/** Trains to the last epoch from where the run folder stands, and writes everything a run leaves. */
export async function execute(task: Execution): Promise<Finished> {
  const { run, config, parts, loader, engine, grafted, onEvent = () => {}, signal } = task
  const { options, resolved, preprocessing } = config
  const classes = config.classes.length
  const compileOptions = { precision: options.precision, ...(options.threads ? { threads: options.threads } : {}) }
  const { network } = grafted
  const graphs = trainingGraphs(
    network,
    { ...options, batchSize: resolved.batchSize },
    classes,
    preprocessing.size,
    resolved.cacheFeatures,
  )
  const began = performance.now()
  const { source, seconds: featureSeconds } = await batchesFor(task, graphs, compileOptions)
  const groups = parameterGroups(network, trainableParameters(graphs.trained), options)
  const training = await compileTraining(engine, graphs, groups, options, compileOptions)
  const inference = await compileInference(engine, graphs.trained, compileOptions)
  try {
    await training.restore(grafted.values)
    const last = existsSync(lastCheckpoint(run)) ? await loadCheckpoint(lastCheckpoint(run)) : undefined
    if (last) await training.restore(valuesOf(last.tensors))
    const start = last?.at ?? beginning
    const history = (await readHistory(run)).slice(0, start.epoch)
    await rewriteHistory(run, history)
    const { memory } = training.program
    const bytes = memory.parameters + memory.state + memory.activations + memory.workspace
    onEvent({ type: 'plan', engine: engine.name, bytes, trainedFrom: graphs.input, images: partSizes(parts) })
    const evaluateOn = async (part: 'validation' | 'test', indices: readonly number[], epoch?: number) => {
      await inference.write(new Map([...grafted.values, ...(await training.state())]))
      const at = epoch === undefined ? {} : { epoch: epoch + 1 }
      return evaluate(inference, source, indices, classes, done =>
        onEvent({ type: 'progress', task: part, done, total: indices.length, unit: 'image', ...at }),
      )
    }
    await fit({
      run,
      options,
      batchSize: resolved.batchSize,
      classes,
      training,
      source,
      trainIndices: parts.train,
      classWeights:
        options.classWeights === 'balanced' ? balancedWeights(labelsOf(loader, parts.train), classes) : undefined,
      validate: async epoch => {
        if (parts.val.length === 0) return undefined
        return summarise((await evaluateOn('validation', parts.val, epoch)).counts)
      },
      history,
      start,
      onEvent,
      signal,
    })
    await training.restore(valuesOf((await loadCheckpoint(bestCheckpoint(run))).tensors))
    const best = bestOf(history) as EpochRecord
    const test = await evaluateOn('test', parts.test)
    const perClassResults = perClass(test.counts).map(({ images, top1 }, c) => ({
      class: config.classes[c] as string,
      images,
      ...(top1 === undefined ? {} : { top1 }),
    }))
    const result: RunResult = {
      bestEpoch: best.epoch,
      ...(best.validation ? { validation: withInterval(best.validation) } : {}),
      ...(parts.test.length > 0 ? { test: withInterval(summarise(test.counts)) } : {}),
      perClass: perClassResults,
      confusion: config.classes.map((_, c) => test.counts.confusion.slice(c * classes, (c + 1) * classes)),
      seconds: {
        total: (performance.now() - began) / 1000,
        ...(featureSeconds === undefined ? {} : { features: featureSeconds }),
        training: history.reduce((sum, { seconds }) => sum + seconds, 0),
      },
    }
    const rows = parts.test.map(index => {
      const { path, label } = loader.dataset.samples[index]!
      const { predicted, probability } = test.predictions.get(index)!
      return { path, trueClass: config.classes[label]!, predictedClass: config.classes[predicted]!, probability }
    })
    await writePredictions(run, rows)
    const values = new Map([...grafted.values, ...(await training.state())])
    const model = {
      format: 'regraft-model-1',
      network: network.name,
      classes: config.classes,
      preprocessing,
      values,
    } as const
    await writeModel(join(run, 'model'), model, modelCard(config, result))
    await writeResult(run, result)
    return { run, config, history, result }
  } finally {
    await training.program.dispose()
    await inference.program.dispose()
  }
}

const valuesOf = (tensors: ReadonlyMap<string, { readonly values: Float32Array }>): Map<string, Float32Array> =>
  new Map([...tensors].map(([name, { values }]) => [name, values]))

const labelsOf = (loader: Loader, indices: readonly number[]): number[] =>
  indices.map(index => loader.dataset.samples[index]!.label)

const partSizes = ({ train, val, test }: Split) => ({ train: train.length, validation: val.length, test: test.length })

/** Batches of images, or of features of a frozen trunk, which are computed here, once. */
async function batchesFor(
  task: Execution,
  graphs: TrainingGraphs,
  compileOptions: Parameters<typeof compileInference>[2],
): Promise<{ source: BatchSource; seconds?: number }> {
  const { config, parts, loader, engine, grafted, onEvent, signal } = task
  const { batchSize } = config.resolved
  const images = imageBatches(loader, batchSize, graphs.frozen ? signal : undefined)
  if (!graphs.frozen) return { source: images }
  const began = performance.now()
  const trunk: Inference = await compileInference(engine, graphs.frozen, compileOptions)
  try {
    await trunk.write(grafted.values)
    const samples = [...parts.train, ...parts.val, ...parts.test]
    const source = await featureBatches(images, trunk, {
      samples,
      labels: loader.dataset.samples.map(({ label }) => label),
      batchSize,
      onProgress: done => onEvent?.({ type: 'progress', task: 'features', done, total: samples.length, unit: 'image' }),
    })
    return { source, seconds: (performance.now() - began) / 1000 }
  } finally {
    await trunk.program.dispose()
  }
}
