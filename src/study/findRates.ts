/** The learning-rate finder: the loss while the rate rises step by step (Smith 2017), for the head and then for the trunk. */
import { RegraftError } from '../base/errors.js'
import { withOverrides } from '../base/preprocessing.js'
import { randomStream, shuffled } from '../base/random.js'
import { createLoader, type Dataset } from '../data/index.js'
import { imageBatches } from '../training/batches.js'
import {
  checkOptions,
  chosenFor,
  graft,
  type Listener,
  type ResolvedOptions,
  type TrainingOptions,
} from '../training/index.js'
import { compileTraining, type TrainingProgram, trainingGraphs } from '../training/session.js'
import { targetsOf } from '../training/targets.js'

/** What one part of the network was seen to do. */
export interface RateFinding {
  readonly part: 'head' | 'backbone'
  readonly rates: readonly number[]
  /** Smoothed over steps; shorter than planned where the loss diverged. */
  readonly losses: readonly number[]
  readonly suggestion: number
  /** Where the smoothed loss was lowest. */
  readonly lowest: number
  /** Where it had risen to twice its lowest, if it did. */
  readonly diverged?: number
}

export interface FindRatesOptions {
  readonly steps?: number
  readonly onEvent?: Listener
  readonly signal?: AbortSignal
}

const ranges = { head: [1e-5, 10], backbone: [1e-6, 1] } as const
/** How much of the smoothed loss a new step leaves as it was. */
const smoothing = 0.9

/** The rates of a sweep: `steps` of them, each a constant factor above the last. */
export const sweptRates = ([low, high]: readonly [number, number], steps: number): number[] =>
  Array.from({ length: steps }, (_, i) => low * (high / low) ** (i / Math.max(steps - 1, 1)))

/**
 * What a sweep says: a tenth of the rate at which the smoothed loss was lowest. There the loss no longer falls, since
 * steps have become too long; a tenth is the usual distance from that edge.
 */
export function findingOf(part: 'head' | 'backbone', rates: readonly number[], losses: readonly number[]): RateFinding {
  const at = losses.reduce((best, loss, i) => (loss < losses[best]! ? i : best), 0)
  const worse = losses.findIndex((loss, i) => i > at && loss > 2 * losses[at]!)
  const round = (rate: number) => Number(rate.toPrecision(1))
  return {
    part,
    rates: rates.slice(0, losses.length),
    losses,
    suggestion: round(rates[at]! / 10),
    lowest: rates[at]!,
    ...(worse < 0 ? {} : { diverged: rates[worse]! }),
  }
}

/**
 * Sweeps the head's rate on the frozen trunk, trains the head a little at the suggested one, then sweeps the trunk's
 * rate with the head as it is. Nothing is written.
 * @throws RegraftError for bad options, images or weights
 */
export async function findRates(
  data: Dataset,
  given: TrainingOptions,
  hooks: FindRatesOptions = {},
): Promise<RateFinding[]> {
  const tell = (message: string) => hooks.onEvent?.({ type: 'note', message })
  const open = given.precision === 'auto'
  const settled = checkOptions(open ? { ...given, precision: 'float32' } : given)
  const classes = data.classes.length
  const { network: name, weights, weightsPrefix, match, seed } = settled
  const grafted = await graft({ network: name, weights, weightsPrefix, match, seed, classes })
  if (grafted.note) tell(grafted.note)
  const { network } = grafted
  const preprocessing = withOverrides(grafted.preprocessing, settled)
  const batchSize = Math.min(settled.batchSize, data.samples.length)
  const steps = hooks.steps ?? 100
  const { size } = preprocessing
  const graphs = trainingGraphs(network, { ...settled, batchSize }, classes, size, false)
  const work = { network, graphs, options: { ...settled, batchSize }, classes, size }
  const { engine, precision } = await chosenFor(work, open ? 'auto' : settled.precision, tell)
  const options = { ...settled, precision }
  const loader = createLoader(data, { preprocessing, seed, augment: options.augment ?? 'crop-flip' })
  const source = imageBatches(loader, batchSize, hooks.signal)
  const order = orderOf(data, steps * batchSize, seed)

  /** One step for each rate, until the loss is beyond hope. */
  const sweep = async (training: TrainingProgram, rates: readonly number[], task: string): Promise<number[]> => {
    const losses: number[] = []
    let mean = 0
    let lowest = Number.POSITIVE_INFINITY
    for await (const batch of source(order.slice(0, rates.length * batchSize), { epoch: 0, training: true })) {
      hooks.signal?.throwIfAborted()
      const step = losses.length
      const targets = targetsOf(batch.labels, classes, batchSize, options.labelSmoothing)
      const { loss } = await training.step(batch.inputs, targets, {
        epoch: 0,
        step,
        overall: step + 1,
        factor: rates[step]!,
      })
      mean = smoothing * mean + (1 - smoothing) * loss
      const smoothed = mean / (1 - smoothing ** (step + 1))
      if (!Number.isFinite(smoothed) || smoothed > 4 * lowest) break
      lowest = Math.min(lowest, smoothed)
      losses.push(smoothed)
      hooks.onEvent?.({
        type: 'progress',
        task: 'training',
        done: (step + 1) * batchSize,
        total: rates.length * batchSize,
        unit: 'image',
      })
    }
    if (losses.length < 2)
      throw new RegraftError(
        'training',
        `the loss of the ${task} is no number from the first step on; check the images and --weights`,
      )
    return losses
  }
  const compiled = async (rates: Pick<ResolvedOptions, 'lrHead' | 'lrBackbone'>): Promise<TrainingProgram> => {
    const set = { ...options, ...rates, batchSize, accumulate: 1, ema: 0 }
    const graphs = trainingGraphs(network, set, classes, preprocessing.size, false)
    return compileTraining(engine, network, graphs, set, hooks.onEvent)
  }

  try {
    const head = await compiled({ lrHead: 1, lrBackbone: 0 })
    let trained: ReadonlyMap<string, Float32Array>
    let first: RateFinding
    try {
      await head.restore(grafted.values)
      const rates = sweptRates(ranges.head, steps)
      first = findingOf('head', rates, await sweep(head, rates, 'head'))
      await head.restore(
        new Map([...(await head.state())].map(([key, values]) => [key, grafted.values.get(key) ?? values.fill(0)])),
      )
      await sweep(head, new Array(Math.ceil(steps / 2)).fill(first.suggestion), 'head')
      trained = await head.weights()
    } finally {
      await head.program.dispose()
    }
    const trunk = await compiled({ lrHead: 0, lrBackbone: 1 })
    try {
      await trunk.restore(new Map([...grafted.values, ...trained]))
      const rates = sweptRates(ranges.backbone, steps)
      return [first, findingOf('backbone', rates, await sweep(trunk, rates, 'backbone'))]
    } finally {
      await trunk.program.dispose()
    }
  } finally {
    await loader.close()
  }
}

/** As many positions as are asked for: the images in random order, again and again. */
function orderOf({ samples }: Dataset, count: number, seed: number): number[] {
  const order: number[] = []
  for (let round = 0; order.length < count; round++)
    order.push(...shuffled([...samples.keys()], randomStream(seed, 'find rates', round)))
  return order.slice(0, count)
}
