/** Evaluates a run's model: on its own test images, or on another folder with the same classes. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { RegraftError } from '../base/errors.js'
import { shellOption } from '../base/shell.js'
import { createLoader, type Dataset, openDataset, splitFromPaths } from '../data/index.js'
import { type CompileOptions, chooseEngine, type Engine, everyEngine, type Precision } from '../engines/index.js'
import type { Graph } from '../graph/index.js'
import { networkGraph, networkNamed } from '../models/index.js'
import { imageBatches } from '../training/batches.js'
import type { Evaluation } from '../training/evaluate.js'
import {
  compileInference,
  evaluate,
  type Metrics,
  type RunConfig,
  readConfig,
  readModel,
  summarise,
  thresholdOf,
  withInterval,
  withViews,
} from '../training/index.js'
import { countsOf, perClass } from '../training/metrics.js'
import type { PredictionRow } from '../training/runFolder.js'
import { type RejectionMeasured, rejectionMeasured, strangers } from './measureRejection.js'
import { type SeenImages, seenImages } from './seenImages.js'

/** The precision is the run's own by default, where this machine computes in it. */
export interface EvaluationOptions extends CompileOptions {
  readonly engine?: 'auto' | Engine['name']
  /** Which images of the run's own split; default 'test'. Ignored where a folder is given. */
  readonly part?: 'train' | 'val' | 'test'
  /** Of a folder that is given: names of folders to leave out. */
  readonly exclude?: readonly string[]
  /** Of a folder that is given: a CSV of its images' paths and labels, instead of class folders. */
  readonly labels?: string
  /** Also measure by how many images it is told that they show none of the classes; as `predict` takes it. */
  readonly reject?: number
  /** Called as images are classified. */
  readonly onProgress?: (done: number, total: number) => void
}

export interface RunEvaluation extends Metrics {
  /** The 95 % interval of the top-1 accuracy (Wilson). */
  readonly interval: readonly [number, number]
  /** What a person should hear of the folder that was given. */
  readonly warnings: readonly string[]
  /** How many of the images the run has seen: their accuracy says little about new ones. */
  readonly seen: SeenImages
  readonly perClass: readonly { readonly class: string; readonly images: number; readonly top1: number | undefined }[]
  /** [true class][predicted class] */
  readonly confusion: readonly (readonly number[])[]
  /** Of each image; paths are relative to `root`. */
  readonly predictions: readonly PredictionRow[]
  readonly root: string
  readonly rejection?: RejectionMeasured
  /** Of a run's own test images, where some of them show what training or validation images show: the metrics without those. */
  readonly without?: Metrics & { readonly interval: readonly [number, number] }
}

/**
 * Measures a finished run's model on images: its own test images, or a folder of new ones.
 * @param run a finished run's folder
 * @param folder class folders with the run's class names (all or some); default: the run's own data
 */
export async function evaluateRun(
  run: string,
  folder?: string,
  options: EvaluationOptions = {},
): Promise<RunEvaluation> {
  const { engine: name = 'auto', part = 'test', exclude = [], labels, reject, onProgress, ...compileOptions } = options
  const { classes, network, preprocessing, tta, values, rejection } = await readModel(run)
  const threshold = reject === undefined ? undefined : thresholdOf(rejection, reject, run)
  const config = folder === undefined ? await readConfig(run) : undefined
  const found = await (config
    ? openDataset(config.data, config.options)
    : openDataset(folder as string, { exclude, labels, fewestClasses: 1 }))
  const data = relabelled(found, classes, folder ?? config!.data, threshold !== undefined, labels)
  const others = threshold === undefined ? undefined : strangers(config ? await wholeOf(config) : found, classes)
  const indices = config ? splitFromPaths(data, config.split)[part] : [...data.samples.keys()]
  const trained = config ?? (await configIn(run))
  const paths = indices.map(index => resolve(data.root, data.samples[index]!.path))
  const seen = trained ? await seenImages(trained, paths) : { train: 0, val: 0 }
  const batch = Math.min(32, Math.max(indices.length, 1))
  const graph = networkGraph(networkNamed(network), { classes: classes.length, batch, size: preprocessing.size })
  const precision = options.precision ?? precisionOf(trained, graph, name)
  const engine = chooseEngine(name, graph, precision)
  const plain = await compileInference(engine, graph, { ...compileOptions, precision })
  const inference = withViews(plain, preprocessing.size, tta)
  const total = indices.length + (others?.samples.length ?? 0)
  const evaluated = async (images: Dataset, chosen: readonly number[], before: number) => {
    const loader = createLoader(images, { preprocessing, cacheBytes: 0 })
    try {
      return await evaluate(inference, imageBatches(loader, batch), chosen, classes.length, done =>
        onProgress?.(before + done, total),
      )
    } finally {
      await loader.close()
    }
  }
  try {
    await inference.write(values)
    const known = await evaluated(data, indices, 0)
    const unknown = others && (await evaluated(others, [...others.samples.keys()], indices.length))
    const { counts } = known
    const each = perClass(counts).map(({ images, top1 }, c) => ({ class: classes[c]!, images, top1 }))
    return {
      ...withInterval(summarise(counts)),
      warnings: config ? [] : (found.warnings ?? []),
      seen,
      perClass: each,
      confusion: classes.map((_, c) => counts.confusion.slice(c * classes.length, (c + 1) * classes.length)),
      predictions: [...known.predictions].map(([index, { predicted, probability, loss }]) => {
        const { path, label } = data.samples[index]!
        return { path, trueClass: classes[label]!, predictedClass: classes[predicted]!, probability, loss }
      }),
      root: data.root,
      ...(part === 'test' ? withoutTwins(config, data, known, classes.length) : {}),
      ...(threshold === undefined ? {} : { rejection: rejectionMeasured(threshold, known, unknown!, others!.classes) }),
    }
  } finally {
    await inference.program.dispose()
  }
}

/** Nothing where a run knows of no such image, or of no other. */
function withoutTwins(
  config: RunConfig | undefined,
  { samples }: Dataset,
  { scored, predictions }: Evaluation,
  classes: number,
): Pick<RunEvaluation, 'without'> {
  const twins = new Set(config?.across?.test)
  const paths = [...predictions.keys()].map(index => samples[index]!.path)
  const counts = countsOf(classes, scored, place => !twins.has(paths[place]!))
  return counts.images > 0 && counts.images < scored.length ? { without: withInterval(summarise(counts)) } : {}
}

/** A run's data with the classes that it left out. */
async function wholeOf({ data, options }: RunConfig): Promise<Dataset> {
  try {
    return await openDataset(data, { ...options, exclude: [] })
  } catch (error) {
    // What was left out may be no class at all
    if (error instanceof RegraftError) return openDataset(data, options)
    throw error
  }
}

const configIn = async (run: string): Promise<RunConfig | undefined> =>
  existsSync(join(run, 'config.json')) ? readConfig(run) : undefined

/** What a run was trained and tested in; float32 where this machine cannot, or where it is a model's folder alone. */
export function precisionOf(config: RunConfig | undefined, graph: Graph, engine: 'auto' | Engine['name']): Precision {
  if (!config) return 'float32'
  const { precision } = config.options
  const able = everyEngine.some(
    ({ name, supports }) => [name, 'auto'].includes(engine) && supports(graph, precision).ok,
  )
  return able ? precision : 'float32'
}

/**
 * The data set with the model's labels.
 * @param list the CSV that names the labels, where one does
 * @param lenient leave out classes that the model does not know
 * @throws RegraftError where it has one otherwise, or none that it knows
 */
function relabelled(
  data: Dataset,
  classes: readonly string[],
  folder: string,
  lenient: boolean,
  list?: string,
): Dataset {
  const labels = data.classes.map(name => classes.indexOf(name))
  const unknown = data.classes.filter((_, i) => labels[i] === -1)
  if (unknown.length > 0 && !lenient)
    throw new RegraftError(
      'data',
      list === undefined
        ? `${folder} has classes that the model does not know: ${unknownNames(unknown, classes)}; rename the folders, or leave them out with ${shellOption('--exclude', unknown[0]!)}`
        : `${list} has classes that the model does not know: ${unknownNames(unknown, classes)}; rename them there, or leave out their rows`,
    )
  if (unknown.length === 0)
    return { ...data, classes, samples: data.samples.map(sample => ({ ...sample, label: labels[sample.label]! })) }
  const samples = data.samples.filter(({ label }) => labels[label] !== -1)
  return { root: data.root, classes, samples: samples.map(({ path, label }) => ({ path, label: labels[label]! })) }
}

const NAMED = 5

function unknownNames(unknown: readonly string[], classes: readonly string[]): string {
  const more = unknown.length > NAMED ? ` and ${unknown.length - NAMED} more` : ''
  const composed = new Set(classes.map(name => name.normalize('NFC')))
  const alike = unknown.find(name => composed.has(name.normalize('NFC')))
  const hint =
    alike === undefined ? '' : ` ('${alike}' looks like one of the model's: its letters are composed otherwise)`
  return `${unknown.slice(0, NAMED).join(', ')}${more}${hint}`
}
