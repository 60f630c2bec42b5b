/** Features of a frozen trunk: computed once, kept in memory, and in a file for the runs that follow. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { version } from '../base/version.js'
import { readSafetensors, writeSafetensors } from '../weights/index.js'
import type { BatchSource } from './batches.js'
import type { RunConfig } from './runFolder.js'
import type { Inference } from './session.js'

/** A row of features for each sample, by its position in the data set. */
export type Features = ReadonlyMap<number, Float32Array>

/** Runs the given samples through the trunk once, by the evaluation transform. */
export async function computeFeatures(
  images: BatchSource,
  trunk: Inference,
  samples: readonly number[],
  batchSize: number,
  onProgress: (done: number) => void,
): Promise<Features> {
  const features = new Map<number, Float32Array>()
  for await (const batch of images(samples, { epoch: 0, training: false })) {
    const rows = await trunk.run(batch.inputs)
    const length = rows.length / batchSize
    for (let i = 0; i < batch.count; i++) features.set(batch.indices[i]!, rows.slice(i * length, (i + 1) * length))
    onProgress(features.size)
  }
  return features
}

/** Serves batches of features from memory. */
export function featureBatches(features: Features, labels: readonly number[], batchSize: number): BatchSource {
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

/**
 * The file that holds features, named after everything that they depend on.
 * @param state of the images' files
 */
export function featureFile(folder: string, config: RunConfig, engine: string, cut: string, state: string): string {
  const { network, preprocessing, provenance, options, data: root } = config
  const weights = provenance.sha256 ?? { source: provenance.source, seed: options.seed }
  const { precision } = options
  const key = JSON.stringify({ version, network, preprocessing, weights, engine, precision, cut, root, state })
  return join(folder, `${network}-${createHash('sha256').update(key).digest('hex').slice(0, 16)}.safetensors`)
}

/** Features as an earlier run left them; undefined where there are none, or the file is damaged. */
export async function readFeatures(file: string, samples: readonly number[]): Promise<Features | undefined> {
  if (!existsSync(file)) return undefined
  try {
    const { values, shape } = (await readSafetensors(file)).tensors.get('features')!
    const length = shape[1]!
    if (shape[0] !== samples.length) return undefined
    return new Map(samples.map((index, row) => [index, values.subarray(row * length, (row + 1) * length)]))
  } catch {
    return undefined
  }
}

/** Keeps features for later runs. */
export async function writeFeatures(file: string, samples: readonly number[], features: Features): Promise<void> {
  const length = features.get(samples[0]!)!.length
  const values = new Float32Array(samples.length * length)
  for (const [row, index] of samples.entries()) values.set(features.get(index)!, row * length)
  await writeSafetensors(file, new Map([['features', { shape: [samples.length, length], values }]]))
}
