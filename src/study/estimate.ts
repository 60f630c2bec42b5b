/** What a study will take: time and memory, from a few measured steps of each kind of run. */
import type { Dataset } from '../data/index.js'
import { chooseEngine, totalBytes } from '../engines/index.js'
import { elements, lookUp } from '../graph/index.js'
import { type Network, networkGraph } from '../models/index.js'
import { checkOptions, type ResolvedOptions } from '../training/index.js'
import { fractionsOf } from '../training/planSplit.js'
import { compileTraining, trainingGraphs } from '../training/session.js'
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

/** Seconds and bytes of one training step; of images, whether or not the options freeze the trunk. */
async function measureStep(network: Network, options: ResolvedOptions, classes: number) {
  const size = options.size ?? network.preprocessing.size
  const whole = { ...options, lrBackbone: options.lrBackbone || 1e-3 }
  const graphs = trainingGraphs(network, whole, classes, size, false)
  const graph = networkGraph(network, { classes, batch: options.batchSize, size })
  const engine = chooseEngine(options.engine, graph, options.precision)
  const training = await compileTraining(engine, network, graphs, whole)
  try {
    const images = new Float32Array(elements(lookUp(graphs.trained, graphs.input).shape))
    const targets = new Float32Array(options.batchSize * classes).fill(1 / classes)
    let seconds = Number.POSITIVE_INFINITY
    for (let step = 0; step < 3; step++) {
      const began = performance.now()
      await training.step(images, targets, { epoch: 0, step, overall: step + 1, factor: 0 })
      seconds = Math.min(seconds, (performance.now() - began) / 1000)
    }
    return { seconds, bytes: totalBytes(training.program.memory) }
  } finally {
    await training.program.dispose()
  }
}

/** Measures steps where cells differ in what a step costs; decoding is not counted. */
export async function estimateStudy(record: StudyRecord, network: Network, data: Dataset): Promise<Estimate> {
  const classes = data.classes.length
  const measured = new Map<string, { seconds: number; bytes: number }>()
  const seconds: number[] = []
  for (const { settings, runs } of record.cells) {
    const options = checkOptions(cellOptions(record.base, settings, record.scaleEpochs))
    const [train, validation, test] = fractionsOf(options.split).map(share => share * data.samples.length) as [
      number,
      number,
      number,
    ]
    const key = [options.batchSize, options.size, options.accumulate].join()
    const step = measured.get(key) ?? (await measureStep(network, options, classes))
    measured.set(key, step)
    const perImage = step.seconds / options.batchSize
    const frozen = options.lrBackbone === 0
    // A frozen trunk computes its features once.
    const epochs = frozen ? 0 : options.epochs * (train + forwardShare * validation)
    const once = forwardShare * (frozen ? data.samples.length : validation + test)
    seconds.push(...runs.map(() => perImage * (epochs + once)))
  }
  return { seconds, bytes: Math.max(...[...measured.values()].map(({ bytes }) => bytes)) }
}
