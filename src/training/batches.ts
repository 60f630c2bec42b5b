/** Batches, and where they come from: here from decoded images, in features.ts from what a frozen trunk made of them. */
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

/** What a batch is known by when its inputs have been taken. */
type Taken = Omit<TrainingBatch, 'inputs'>

/** What a forward pass makes of each batch, in order. The next one is prepared meanwhile where the engine computes by itself. */
export async function* rowsOf(
  inference: Pick<Inference, 'begin'>,
  batches: AsyncIterable<TrainingBatch>,
): AsyncGenerator<{ readonly batch: Taken; readonly rows: Float32Array }, void, undefined> {
  let open: { readonly batch: Taken; readonly rows: Promise<Float32Array> } | undefined
  for await (const batch of batches) {
    const { rows } = await inference.begin(batch.inputs)
    // Whoever asks for it gets the error; nobody does where the one before fails
    rows.catch(() => {})
    if (open) yield { batch: open.batch, rows: await open.rows }
    open = { batch, rows }
  }
  if (open) yield { batch: open.batch, rows: await open.rows }
}
