/** Batch norms' statistics computed anew for weights that are an average, as Izmailov et al. 2018 do it. */
import { randomStream, shuffled } from '../base/random.js'
import type { CompileOptions, Engine } from '../engines/index.js'
import { type Graph, normStatistics, valuesOf } from '../graph/index.js'
import type { TrainingBatch } from './batches.js'
import type { Evaluation } from './evaluate.js'
import { summarise } from './metrics.js'

/** Batches that are averaged at most: some thousands of images are enough (Wu and Johnson 2021). */
const mostBatches = 128

/** Training images whose statistics are taken, in full batches and a fixed order that mixes the classes. */
export function statisticsImages(train: readonly number[], batchSize: number, seed: number): number[] {
  const batches = Math.min(mostBatches, Math.floor(train.length / batchSize))
  return shuffled(train, randomStream(seed, 'norm statistics')).slice(0, batches * batchSize)
}

type Values = ReadonlyMap<string, Float32Array>

/** Those that ran with training, or those recomputed for the weights that are shipped. */
export type NormStatistics = 'running' | 'recomputed'

/**
 * The values with other statistics: each is the mean of what it is in each batch, with weights that stand still, as
 * PyTorch's `update_bn` has it. Norms that are not trained keep theirs; undefined where none is trained, or there is no batch.
 * @param batches full ones, in an order that mixes the classes
 */
export async function withNewStatistics(
  engine: Engine,
  forward: Graph,
  options: CompileOptions,
  values: Values,
  batches: AsyncIterable<TrainingBatch>,
  onProgress: (images: number) => void = () => {},
): Promise<Map<string, Float32Array> | undefined> {
  const graph = normStatistics(forward)
  if (graph.updates.size === 0) return undefined
  const [input] = valuesOf(graph, 'input').map(({ name }) => name)
  const program = await engine.compile(graph, options)
  try {
    for (const { name } of valuesOf(graph, 'parameter', 'statistic'))
      await program.write(name, values.get(name) as Float32Array)
    const sums = new Map([...graph.updates.keys()].map(name => [name, new Float64Array(values.get(name)!.length)]))
    let [count, images] = [0, 0]
    for await (const { inputs, count: more } of batches) {
      await program.run({ [input as string]: inputs })
      for (const [name, sum] of sums) for (const [i, value] of (await program.read(name)).entries()) sum[i]! += value
      count++
      images += more
      onProgress(images)
    }
    if (count === 0) return undefined
    const means = [...sums].map(([name, sum]) => [name, Float32Array.from(sum, total => total / count)] as const)
    return new Map([...values, ...means])
  } finally {
    await program.dispose()
  }
}

/**
 * The best epoch's values and what they reach on the validation images: with statistics as they ran, recomputed, or of
 * the two those that are more accurate there, as they ran where neither is.
 * @param recompute gives undefined where nothing is trained that has statistics
 */
export async function withChosenStatistics(
  choice: NormStatistics | 'auto',
  best: Values,
  recompute: () => Promise<Values | undefined>,
  measure: (values: Values) => Promise<Evaluation>,
): Promise<{ values: Values; validation: Evaluation; normStatistics: NormStatistics }> {
  const measured = async (normStatistics: NormStatistics, values: Values) =>
    ({ values, validation: await measure(values), normStatistics }) as const
  const values = choice === 'running' ? undefined : await recompute()
  const recomputed = values && (await measured('recomputed', values))
  if (recomputed && choice === 'recomputed') return recomputed
  const running = await measured('running', best)
  if (!recomputed) return running
  const accuracy = ({ validation }: typeof running | typeof recomputed) => summarise(validation.counts).top1
  return accuracy(recomputed) > accuracy(running) ? recomputed : running
}
