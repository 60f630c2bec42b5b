/** Where batches come from: decoded images, or features of a frozen trunk that were computed once. */
import type { Loader } from '../data/index.js'
import type { Inference } from './session.js'

/** One batch: `inputs` always holds as many rows as the programs were compiled for; rows from `count` on are padding. */
export interface TrainingBatch {
  readonly inputs: Float32Array
  /** The classes of the first `count` rows. */
  readonly labels: Int32Array
  readonly count: number
  /** Positions of the first `count` rows in the data set. */
  readonly indices: Int32Array
}

export interface BatchOptions {
  readonly epoch: number
  /** Augment the images; otherwise the evaluation transform. */
  readonly training: boolean
}

/** Gives the samples with the given positions, in that order, in batches; the last may be partial. */
export type BatchSource = (indices: readonly number[], options: BatchOptions) => AsyncIterable<TrainingBatch>

/** Batches of images from the loader. */
export function imageBatches(loader: Loader, batchSize: number, signal?: AbortSignal): BatchSource {
  return async function* (indices, { epoch, training }) {
    const options = { batchSize, epoch, training, dropLast: false, ...(signal ? { signal } : {}) }
    for await (const { images, labels, count, indices: positions } of loader.batches(indices, options))
      yield { inputs: images, labels: labels.subarray(0, count), count, indices: positions.subarray(0, count) }
  }
}

/**
 * Computes the features of the given samples once, by the evaluation transform, and serves batches of them from memory.
 * @param onProgress is called with the number of images done
 */
export async function featureBatches(
  images: BatchSource,
  trunk: Inference,
  options: {
    samples: readonly number[]
    labels: readonly number[]
    batchSize: number
    onProgress: (done: number) => void
  },
): Promise<BatchSource> {
  const features = new Map<number, Float32Array>()
  for await (const batch of images(options.samples, { epoch: 0, training: false })) {
    const rows = await trunk.run(batch.inputs)
    const length = rows.length / options.batchSize
    for (let i = 0; i < batch.count; i++) features.set(batch.indices[i]!, rows.slice(i * length, (i + 1) * length))
    options.onProgress(features.size)
  }
  const { batchSize, labels } = options
  return async function* (indices) {
    for (let first = 0; first < indices.length; first += batchSize) {
      const chosen = indices.slice(first, first + batchSize)
      const length = features.get(chosen[0]!)!.length
      const inputs = new Float32Array(batchSize * length)
      for (const [row, index] of chosen.entries()) inputs.set(features.get(index)!, row * length)
      yield {
        inputs,
        labels: Int32Array.from(chosen, index => labels[index]!),
        count: chosen.length,
        indices: Int32Array.from(chosen),
      }
    }
  }
}
