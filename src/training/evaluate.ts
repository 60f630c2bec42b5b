/** Evaluates a compiled forward pass on given samples. */
import { type BatchSource, rowsOf } from './batches.js'
import type { Scored } from './calibration.js'
import { type Counts, count, newCounts, type Prediction } from './metrics.js'
import type { Inference } from './session.js'

/** Counts over all samples, and each sample's outcome by its position in the data set. */
export interface Evaluation {
  readonly counts: Counts
  readonly predictions: ReadonlyMap<number, Prediction>
  /** Each sample's logits with its class. */
  readonly scored: readonly Scored[]
}

/** Runs every sample once, by the evaluation transform; rows that pad the last batch are not counted. */
export async function evaluate(
  inference: Inference,
  source: BatchSource,
  indices: readonly number[],
  classes: number,
  onProgress: (done: number) => void = () => {},
): Promise<Evaluation> {
  const counts = newCounts(classes)
  const predictions = new Map<number, Prediction>()
  const scored: Scored[] = []
  for await (const { batch, rows: logits } of rowsOf(inference, source(indices, { epoch: 0, training: false }))) {
    for (const [row, prediction] of count(counts, logits, batch.labels).entries())
      predictions.set(batch.indices[row]!, prediction)
    batch.labels.forEach((label, row) => {
      scored.push({ logits: logits.slice(row * classes, (row + 1) * classes), label })
    })
    onProgress(counts.images)
  }
  return { counts, predictions, scored }
}
