/** Cross-validation of a head on features: a prediction for every image by a head that was not trained on it. */
import { randomStream, shuffled } from '../base/random.js'
import type { Engine } from '../engines/index.js'
import type { Network } from '../models/index.js'
import { evaluate } from './evaluate.js'
import { type Features, featureBatches } from './features.js'
import { softmax } from './metrics.js'
import { checkOptions } from './options.js'
import { compileInference, compileOptions, compileTraining, type TrainingGraphs } from './session.js'
import { targetsOf } from './targets.js'

export interface CrossValidation {
  readonly engine: Engine
  readonly network: Network
  /** Of a frozen trunk: `trained` is the head, from the features. */
  readonly graphs: TrainingGraphs
  readonly features: Features
  /** By position in the data set. */
  readonly labels: readonly number[]
  readonly classes: number
  readonly batchSize: number
  readonly seed: number
  readonly signal?: AbortSignal | undefined
  onProgress?(done: number, total: number): void
}

const FOLDS = 5
/** Few passes at a rate that suits features of any size: a head that is trained longer learns wrong labels by heart. */
const recipe = { optimiser: 'adamw', lrBackbone: 0, lrHead: 1e-3, weightDecay: 1e-2 } as const
const EPOCHS = 12

/**
 * Trains a head on four fifths of the images and predicts the last, five times; each fifth has its share of every class.
 * @returns probabilities by position in the data set
 */
export async function crossValidate(task: CrossValidation): Promise<Map<number, Float64Array>> {
  const { engine, network, graphs, features, labels, classes, batchSize, seed, signal } = task
  const options = checkOptions({ ...recipe, batchSize })
  const source = featureBatches(features, labels, batchSize)
  const folds = foldsOf([...features.keys()], labels, classes, seed)
  const result = new Map<number, Float64Array>()
  const training = await compileTraining(engine, network, graphs, options)
  const inference = await compileInference(engine, graphs.trained, compileOptions(options))
  try {
    const start = new Map(
      [...(await training.state())].map(([name, values]) => [name, new Float32Array(values.length)]),
    )
    let done = 0
    for (const [fold, held] of folds.entries()) {
      await training.restore(start)
      const others = folds.flatMap((samples, other) => (other === fold ? [] : samples))
      const steps = Math.ceil(others.length / batchSize)
      for (let epoch = 0; epoch < EPOCHS; epoch++) {
        let step = 0
        const order = shuffled(others, randomStream(seed, 'cross-validation', fold, epoch))
        for await (const batch of source(order, { epoch, training: true })) {
          signal?.throwIfAborted()
          const targets = targetsOf(batch.labels, classes, batchSize, 0)
          const overall = epoch * steps + ++step
          const factor = 0.5 * (1 + Math.cos((Math.PI * (overall - 1)) / (EPOCHS * steps)))
          await training.step(batch.inputs, targets, { epoch, step, overall, factor })
          done += batch.count
          task.onProgress?.(done, EPOCHS * (FOLDS - 1) * features.size)
        }
      }
      await inference.write(await training.weights())
      const { scored } = await evaluate(inference, source, held, classes)
      for (const [i, { logits }] of scored.entries()) result.set(held[i]!, softmax(logits))
    }
    return result
  } finally {
    await training.program.dispose()
    await inference.program.dispose()
  }
}

/** The samples in five parts, each class dealt out evenly in a random order. */
function foldsOf(samples: readonly number[], labels: readonly number[], classes: number, seed: number): number[][] {
  const folds: number[][] = Array.from({ length: FOLDS }, () => [])
  let next = 0
  for (let label = 0; label < classes; label++) {
    const own = samples.filter(sample => labels[sample] === label)
    for (const sample of shuffled(own, randomStream(seed, 'folds', label))) folds[next++ % FOLDS]!.push(sample)
  }
  return folds
}
