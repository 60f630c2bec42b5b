/** Features of a frozen trunk: computed once, kept in memory, and in a file for the runs that follow. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { utimes } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { cachePath, trimCache } from '../base/cache.js'
import { version } from '../base/version.js'
import { readSafetensors, writeSafetensors } from '../weights/index.js'
import { type BatchSource, rowsOf } from './batches.js'
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
  for await (const { batch, rows } of rowsOf(trunk, images(samples, { epoch: 0, training: false }))) {
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

/** Bytes and files that all kept features may have in the cache. */
const MOST_BYTES = 2 * 1024 ** 3
const MOST_FILES = 256

/** Where features of all runs are kept. */
export const keptFeatures = (): string => cachePath('features')

/**
 * The file that holds features, named after everything that they depend on.
 * @param state of the images' files
 */
export function featureFile(folder: string, config: RunConfig, engine: string, cut: string, state: string): string {
  const { network, preprocessing, provenance, options, resolved, environment, data } = config
  const { precision, match, weightsPrefix, seed } = options
  const weights = provenance.sha256 ? [provenance.sha256, match, weightsPrefix] : [provenance.source, seed]
  // A run alone has the same bits whenever it is made; the runs of a study share more
  const rounding = folder === keptFeatures() ? [resolved.batchSize, environment.threads, environment.cpu] : []
  const root = resolve(data)
  const key = JSON.stringify({
    version,
    network,
    preprocessing,
    weights,
    engine,
    precision,
    cut,
    root,
    state,
    rounding,
  })
  return join(folder, `${network}-${createHash('sha256').update(key).digest('hex').slice(0, 16)}.safetensors`)
}

/** Features as an earlier run left them; undefined where there are none, or the file is damaged. */
export async function readFeatures(file: string, samples: readonly number[]): Promise<Features | undefined> {
  if (!existsSync(file)) return undefined
  try {
    const { tensors, metadata } = await readSafetensors(file)
    const { values, shape } = tensors.get('features')!
    const length = shape[1]!
    if (shape[0] !== samples.length || metadata.sha1 !== digestOf(values)) return undefined
    // What is used is kept longest
    const now = new Date()
    await utimes(file, now, now).catch(() => {})
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
  const tensors = new Map([['features', { shape: [samples.length, length], values }]])
  const write = () => writeSafetensors(file, tensors, { sha1: digestOf(values) })
  if (dirname(file) !== keptFeatures()) return write()
  if (values.byteLength > MOST_BYTES / 2) return
  try {
    await write()
    await trimCache(keptFeatures(), MOST_BYTES, MOST_FILES)
  } catch {
    // The cache is a help, not a condition
  }
}

const digestOf = (values: Float32Array): string =>
  createHash('sha1')
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest('hex')
