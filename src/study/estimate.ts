/** What a study will take: time and memory, from a few measured steps of each kind of run. */
import type { Dataset } from '../data/index.js'
import { chooseEngine, type Engine, totalBytes } from '../engines/index.js'
import { elements, type Graph, lookUp } from '../graph/index.js'
import { type Network, networkGraph } from '../models/index.js'
import { checkOptions, type ResolvedOptions } from '../training/index.js'
import { fractionsOf } from '../training/planSplit.js'
import {
  augmentationOf,
  cachesFeatures,
  compileInference,
  compileOptions,
  compileTraining,
  trainingGraphs,
} from '../training/session.js'
import { cellOptions } from './plan.js'
import type { StudyRecord } from './record.js'

export interface Estimate {
  /** Of each cell and seed. */
  readonly seconds: readonly number[]
  /** Bytes of the largest training program. */
  readonly bytes: number
}

/** A forward pass takes about a third of a training step: the backward pass costs twice as much. */
const forwardShare = 1 / 3

interface Measured {
  /** Of one training step, and of the features of one batch where those are computed once. */
  readonly step: number
  readonly features: number | undefined
  readonly bytes: number
}

/** The fastest of three; of short ones more, since the first take longer. */
async function fastest(run: (attempt: number) => Promise<unknown>): Promise<number> {
  let seconds = Number.POSITIVE_INFINITY
  const start = performance.now()
  for (let attempt = 0; attempt < 3 || (attempt < 50 && performance.now() - start < 300); attempt++) {
    const began = performance.now()
    await run(attempt)
    seconds = Math.min(seconds, (performance.now() - began) / 1000)
  }
  return seconds
}

/** What is trained, as `train` would cut it: of a frozen trunk the head alone, on features. */
async function measure(network: Network, options: ResolvedOptions, classes: number): Promise<Measured> {
  const size = options.size ?? network.preprocessing.size
  const graphs = trainingGraphs(network, options, classes, size, cachesFeatures(augmentationOf(options), options))
  const graph = networkGraph(network, { classes, batch: options.batchSize, size })
  const engine = chooseEngine(options.engine, graph, options.precision)
  const training = await compileTraining(engine, network, graphs, options)
  try {
    const inputs = new Float32Array(elements(lookUp(graphs.trained, graphs.input).shape))
    const targets = new Float32Array(options.batchSize * classes).fill(1 / classes)
    const step = await fastest(step => training.step(inputs, targets, { epoch: 0, step, overall: step + 1, factor: 0 }))
    const features = graphs.frozen && (await measureFeatures(engine, graphs.frozen, options))
    return { step, features, bytes: totalBytes(training.program.memory) }
  } finally {
    await training.program.dispose()
  }
}

async function measureFeatures(engine: Engine, frozen: Graph, options: ResolvedOptions): Promise<number> {
  const trunk = await compileInference(engine, frozen, compileOptions(options))
  try {
    const images = new Float32Array(elements(lookUp(frozen, 'images').shape))
    return await fastest(() => trunk.run(images))
  } finally {
    await trunk.program.dispose()
  }
}

/** Measures steps where cells differ in what a step costs; decoding is not counted. */
export async function estimateStudy(record: StudyRecord, network: Network, data: Dataset): Promise<Estimate> {
  const classes = data.classes.length
  const measured = new Map<string, Measured>()
  const known = new Set<string>()
  const seconds: number[] = []
  for (const { settings, runs } of record.cells) {
    const options = checkOptions(cellOptions(record.base, settings, record.scaleEpochs))
    const [train, validation, test] = fractionsOf(options.split).map(share => share * data.samples.length) as [
      number,
      number,
      number,
    ]
    const { batchSize, size, accumulate, freezeUntil, augment, dropout, precision } = options
    const trunk = [size, precision, freezeUntil].join()
    const key = [trunk, batchSize, accumulate, options.lrBackbone === 0, augment, dropout].join()
    const found = measured.get(key) ?? (await measure(network, options, classes))
    measured.set(key, found)
    const { step, features } = found
    const forward = forwardShare * step
    const epochs = (options.epochs * (train * step + validation * forward) + (validation + test) * forward) / batchSize
    for (const _ of runs) {
      // Features are kept for the runs that follow
      const once = features === undefined || known.has(trunk) ? 0 : (data.samples.length * features) / batchSize
      if (features !== undefined) known.add(trunk)
      seconds.push(epochs + once)
    }
  }
  return { seconds, bytes: Math.max(...[...measured.values()].map(({ bytes }) => bytes)) }
}
