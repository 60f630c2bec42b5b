/** A greedy soup (Wortsman et al. 2022): the mean of the weights of those runs that make one another better on validation images. */
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { RegraftError } from '../base/errors.js'
import { writeJson, writing } from '../base/files.js'
import { openDataset, splitFromPaths } from '../data/index.js'
import { chooseEngine, type Engine } from '../engines/index.js'
import { freeze, type Graph } from '../graph/index.js'
import { networkGraph, networkNamed } from '../models/index.js'
import { imageBatches } from '../training/batches.js'
import { chooseTemperature } from '../training/calibration.js'
import { modelCard } from '../training/card.js'
import {
  compileInference,
  evaluate,
  type Metrics,
  readModel,
  readRun,
  summarise,
  withInterval,
  withViews,
} from '../training/index.js'
import { writeModel } from '../training/model.js'
import { statisticsImages, withNewStatistics } from '../training/normStatistics.js'
import { rejectionOf } from '../training/rejection.js'
import type { WithInterval } from '../training/runFolder.js'
import { runLoader } from '../training/setUp.js'
import { type EvaluationOptions, precisionOf } from './evaluateRun.js'

/** A run, how well it does alone, and whether its weights are in the mean. */
export interface Ingredient {
  readonly run: string
  /** On the validation images. */
  readonly alone: Metrics
  /** Of the mean with it and with those before it that are in. */
  readonly together: Metrics
  readonly taken: boolean
}

/** What `makeSoup` tried, and how well the mean does. */
export interface Soup {
  /** In the order in which they were tried: the best alone first. */
  readonly ingredients: readonly Ingredient[]
  readonly validation: WithInterval
  /** Of the mean alone: tested once. */
  readonly test?: WithInterval
}

/** Options of `makeSoup`. */
export interface SoupOptions extends Pick<EvaluationOptions, 'precision' | 'threads'> {
  readonly engine?: 'auto' | Engine['name']
  /** Of a mean's batch norms: the mean of the runs' own (default), or recomputed for its weights over training images. */
  readonly normStatistics?: 'running' | 'recomputed'
  /** Called as images are classified; `total` is known for one pass alone. */
  readonly onProgress?: (done: number, total: number) => void
}

type Weights = ReadonlyMap<string, Float32Array>

/** The mean of `count` networks, and one more. */
const withOneMore = (mean: Weights, count: number, more: Weights): Weights =>
  new Map(
    [...mean].map(([name, values]) => {
      const other = more.get(name) as Float32Array
      return [name, values.map((value, i) => value + (other[i]! - value) / (count + 1))]
    }),
  )

/** The network in which those norms are frozen whose statistics are the same in all runs, since none trained them. */
function withoutCommonNorms(graph: Graph, runs: readonly Weights[]): Graph {
  const common = new Set(
    graph.nodes.flatMap(({ operator, inputs: [, weight, , mean] }) => {
      const [first, ...others] = runs.map(values => values.get(mean as string))
      return operator === 'batchNorm' && others.every(other => isDeepStrictEqual(other, first)) ? [weight] : []
    }),
  )
  return freeze(graph, name => common.has(name))
}

/**
 * Writes a model folder: runs are tried in the order of their validation accuracy, and one is taken where the mean of its
 * weights and those before it (batch norms' statistics, too, unless they are recomputed) is not less accurate on the
 * validation images.
 * @param folders finished runs of one network on the same images, divided in the same way
 * @throws RegraftError where there are fewer than two, where they do not fit together, or `out` holds something
 */
export async function makeSoup(folders: readonly string[], out: string, options: SoupOptions = {}): Promise<Soup> {
  const { engine: name = 'auto', normStatistics = 'running', onProgress, ...compileOptions } = options
  if (existsSync(join(out, 'model.json')) || existsSync(join(out, 'config.json')))
    throw new RegraftError('usage', `${out} already holds a model or a run; name another folder with --out`)
  const runs = await Promise.all(folders.map(async run => ({ ...(await readRun(run)), model: await readModel(run) })))
  const [first, ...others] = runs
  if (!first || others.length === 0)
    throw new RegraftError('usage', 'the weights of at least two runs are averaged; name the folders of two or more')
  const twice = folders.find((folder, i) => folders.slice(0, i).some(before => resolve(before) === resolve(folder)))
  if (twice !== undefined) throw new RegraftError('usage', `${twice} is named twice; name every run once`)
  for (const other of others) assertAlike(first, other)
  const { config, model } = first
  const data = await openDataset(config.data, config.options)
  const { train, val, test } = splitFromPaths(data, config.split)
  if (val.length === 0)
    throw new RegraftError(
      'run',
      `${first.run} has no validation images, which say what is taken; train with some (--split)`,
    )
  const { classes, preprocessing, tta } = model
  const graphOf = (batch: number, { size }: { readonly size: number }) =>
    networkGraph(networkNamed(model.network), { classes: classes.length, batch, size })
  const graph = graphOf(32, preprocessing)
  const precision = options.precision ?? precisionOf(config, graph, name)
  const engine = chooseEngine(name, graph, precision)
  const plain = await compileInference(engine, graph, { ...compileOptions, precision })
  const inference = withViews(plain, preprocessing.size, tta)
  const loader = runLoader(data, config)
  const source = imageBatches(loader, 32)
  const measured = async (values: Weights, part: readonly number[]) => {
    await inference.write(values)
    return evaluate(inference, source, part, classes.length, done => onProgress?.(done, part.length))
  }
  const { batchSize } = config.resolved
  const ownNorms = withoutCommonNorms(
    graphOf(batchSize, config.preprocessing),
    runs.map(({ model }) => model.values),
  )
  const images = statisticsImages(train, batchSize, 0)
  const meant = async (mean: Weights): Promise<Weights> => {
    if (normStatistics === 'running') return mean
    const batches = imageBatches(loader, batchSize)(images, { epoch: config.options.epochs, training: true })
    const renewed = await withNewStatistics(engine, ownNorms, { ...compileOptions, precision }, mean, batches, done =>
      onProgress?.(done, images.length),
    )
    return renewed ?? mean
  }
  try {
    const alone = []
    for (const { run, model } of runs) {
      const metrics = summarise((await measured(model.values, val)).counts)
      alone.push({ run, values: model.values as Weights, alone: metrics })
    }
    alone.sort((a, b) => b.alone.top1 - a.alone.top1 || a.alone.loss - b.alone.loss)
    const [best, ...rest] = alone as [(typeof alone)[0], ...typeof alone]
    const ingredients: Ingredient[] = [{ run: best.run, alone: best.alone, together: best.alone, taken: true }]
    let [mean, count, accuracy] = [best.values, 1, best.alone.top1]
    for (const { run, values, alone } of rest) {
      const candidate = await meant(withOneMore(mean, count, values))
      const together = summarise((await measured(candidate, val)).counts)
      const taken = together.top1 >= accuracy
      ingredients.push({ run, alone, together, taken })
      if (taken) [mean, count, accuracy] = [candidate, count + 1, together.top1]
    }
    const validation = await measured(mean, val)
    const tested = await measured(mean, test)
    const soup: Soup = {
      ingredients,
      validation: withInterval(summarise(validation.counts)),
      ...(test.length > 0 ? { test: withInterval(summarise(tested.counts)) } : {}),
    }
    const { temperature } = chooseTemperature(validation.scored, tested.scored)
    const rejection = rejectionOf(validation.scored)
    const { rejection: _, temperature: __, ...same } = model
    await writing(out, () => mkdir(out, { recursive: true }))
    const described = { ...same, temperature, ...(rejection ? { rejection } : {}), values: mean }
    await writeModel(out, described, modelCard(config, soup, madeOf(count, folders.length)))
    await writeJson(join(out, 'soup.json'), soup)
    return soup
  } finally {
    await loader.close()
    await inference.program.dispose()
  }
}

const madeOf = (count: number, of: number) =>
  `The weights are the mean of those of ${count} of ${of} runs (a greedy soup), which the validation images chose; the test images were used once, in the end. The settings below are those of one of the runs.`

type Run = Awaited<ReturnType<typeof readRun>> & { readonly model: Awaited<ReturnType<typeof readModel>> }

/** @throws RegraftError that says in what two runs differ, so that their weights have no useful mean */
function assertAlike(one: Run, other: Run): void {
  const sorted = ({ config }: Run) => Object.values(config.split).map(paths => paths.toSorted())
  const differs = (
    [
      ['networks', one.model.network, other.model.network],
      ['classes', one.model.classes, other.model.classes],
      ['pretrained weights', one.config.provenance.sha256, other.config.provenance.sha256],
      ['preparations of the images', one.model.preprocessing, other.model.preprocessing],
      ['views of a test image', one.model.tta, other.model.tta],
      ['splits of the images', sorted(one), sorted(other)],
    ] as const
  ).find(([, a, b]) => !isDeepStrictEqual(a, b))
  if (!differs) return
  const advice = differs[0].startsWith('splits') ? '; train them with one --split-seed and other values of --seed' : ''
  throw new RegraftError(
    'run',
    `${one.run} and ${other.run} have different ${differs[0]}, so the mean of their weights means nothing${advice}`,
  )
}
