/** Finds labels that are likely wrong: heads that have not seen an image say what it shows, on the features of a run's network. */
import { RegraftError } from '../base/errors.js'
import { createLoader, type Dataset, openDataset, splitFromPaths } from '../data/index.js'
import { type CompileOptions, chooseEngine, type Engine } from '../engines/index.js'
import { networkNamed } from '../models/index.js'
import { imageBatches } from './batches.js'
import { doubtedLabels } from './confidentLearning.js'
import { crossValidate } from './crossValidate.js'
import { computeFeatures } from './features.js'
import { readModel } from './model.js'
import { readConfig } from './runFolder.js'
import { compileInference, trainingGraphs } from './session.js'

export interface LabelAuditOptions extends CompileOptions {
  readonly engine?: 'auto' | Engine['name']
  readonly signal?: AbortSignal | undefined
  onProgress?(task: 'features' | 'heads', done: number, total: number): void
}

/** An image whose label is doubted. */
export interface LabelDoubt {
  /** Relative to the data folder. */
  readonly path: string
  readonly label: string
  readonly suggested: string
  /** Probabilities of both by a head that was not trained on the image. */
  readonly labelProbability: number
  readonly suggestedProbability: number
  /** Whether confident learning counts it among the wrong labels; the others are merely uncertain. */
  readonly confident: boolean
}

export interface LabelAudit {
  readonly data: Dataset
  readonly images: number
  /** Images of the run that are no longer there, and were not looked at. */
  readonly missing: number
  /** Images of which the held-out prediction is their label. */
  readonly agreeing: number
  /** The most doubtful first. */
  readonly doubts: readonly LabelDoubt[]
}

const BATCH = 64

/**
 * Looks at every image of a run's split.
 * @param run folder of a finished run; its images that are no longer there are left out
 * @throws RegraftError where there is no model, or none of the images is there
 */
export async function auditLabels(run: string, options: LabelAuditOptions = {}): Promise<LabelAudit> {
  const { engine: name = 'auto', signal, onProgress, ...compileOptions } = options
  const { classes, network: networkName, preprocessing, values } = await readModel(run)
  const config = await readConfig(run)
  const data = await openDataset(config.data, config.options)
  // Whoever follows an earlier audit removes and moves images
  const there = new Set(data.samples.map(({ path }) => path))
  const wanted = [...config.split.train, ...config.split.val, ...config.split.test]
  const present = wanted.filter(path => there.has(path))
  if (present.length === 0)
    throw new RegraftError('data', `none of the images of ${run} is in ${data.root} any longer; restore them`)
  const { train: all } = splitFromPaths(data, { train: present, val: [], test: [] })
  const samples = [...all].sort((a, b) => a - b)
  const network = networkNamed(networkName)
  const batchSize = Math.min(BATCH, samples.length)
  const frozen = { lrBackbone: 0, lrHead: 1, freezeUntil: undefined, batchSize, dropout: undefined }
  const graphs = trainingGraphs(network, frozen, classes.length, preprocessing.size, true)
  if (!graphs.frozen) throw new Error(`${networkName} has no features to speak of`)
  const engine = chooseEngine(name, graphs.frozen, options.precision)
  const loader = createLoader(data, { preprocessing, cacheBytes: 0 })
  const trunk = await compileInference(engine, graphs.frozen, compileOptions)
  let features: Awaited<ReturnType<typeof computeFeatures>>
  try {
    await trunk.write(values)
    features = await computeFeatures(imageBatches(loader, batchSize, signal), trunk, samples, batchSize, done =>
      onProgress?.('features', done, samples.length),
    )
  } finally {
    await loader.close()
    await trunk.program.dispose()
  }
  const labels = data.samples.map(({ label }) => classes.indexOf(data.classes[label]!))
  const predicted = await crossValidate({
    engine,
    network,
    graphs,
    features,
    labels,
    classes: classes.length,
    batchSize,
    seed: config.options.seed,
    signal,
    onProgress: (done, total) => onProgress?.('heads', done, total),
  })
  const doubted = doubtedLabels(
    samples.map(sample => predicted.get(sample)!),
    samples.map(sample => labels[sample]!),
    classes.length,
  )
  const doubts = doubted.map(({ index, suggested, ...rest }) => {
    const { path } = data.samples[samples[index]!]!
    return { path, label: classes[labels[samples[index]!]!]!, suggested: classes[suggested]!, ...rest }
  })
  return {
    data,
    missing: wanted.length - present.length,
    images: samples.length,
    agreeing: samples.length - doubts.length,
    doubts,
  }
}
