/** Batches, and where they come from: here from decoded images, in features.ts from what a frozen trunk made of them. */
import type { Loader } from '../data/index.js'

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
