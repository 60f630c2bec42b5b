/** Evaluates a run's model: on its own test images, or on another folder with the same classes. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { RegraftError } from '../base/errors.js'
import { createLoader, type Dataset, imageFolder, splitFromPaths } from '../data/index.js'
import { type CompileOptions, chooseEngine, type Engine, everyEngine, type Precision } from '../engines/index.js'
import type { Graph } from '../graph/index.js'
import { networkGraph, networkNamed } from '../models/index.js'
import { imageBatches } from '../training/batches.js'
import {
  compileInference,
  evaluate,
  type Metrics,
  openDataset,
  type RunConfig,
  readConfig,
  readModel,
  summarise,
  withInterval,
} from '../training/index.js'
import { perClass } from '../training/metrics.js'
import { type SeenImages, seenImages } from './seenImages.js'

/** The precision is the run's own by default, where this machine computes in it. */
export interface EvaluationOptions extends CompileOptions {
  readonly engine?: 'auto' | Engine['name']
  /** Which images of the run's own split; default 'test'. Ignored where a folder is given. */
  readonly part?: 'train' | 'val' | 'test'
  /** Of a folder that is given: names of folders to leave out. */
  readonly exclude?: readonly string[]
  /** Called as images are classified. */
  readonly onProgress?: (done: number, total: number) => void
}

export interface RunEvaluation extends Metrics {
  /** The 95 % interval of the top-1 accuracy (Wilson). */
  readonly interval: readonly [number, number]
  /** How many of the images the run has seen: their accuracy says little about new ones. */
  readonly seen: SeenImages
  readonly perClass: readonly { readonly class: string; readonly images: number; readonly top1: number | undefined }[]
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
  const { engine: name = 'auto', part = 'test', exclude = [], onProgress, ...compileOptions } = options
  const { classes, network, preprocessing, values } = await readModel(run)
  const config = folder === undefined ? await readConfig(run) : undefined
  const found = await (config
    ? openDataset(config.data, config.options)
    : imageFolder(folder as string, { exclude, fewestClasses: 1 }))
  const data = relabelled(found, classes, folder ?? config!.data)
  const indices = config ? splitFromPaths(data, config.split)[part] : [...data.samples.keys()]
  const trained = config ?? (await configIn(run))
  const paths = indices.map(index => resolve(data.root, data.samples[index]!.path))
  const seen = trained ? await seenImages(trained, paths) : { train: 0, val: 0 }
  const batch = Math.min(32, Math.max(indices.length, 1))
  const graph = networkGraph(networkNamed(network), { classes: classes.length, batch, size: preprocessing.size })
  const precision = options.precision ?? precisionOf(trained, graph, name)
  const inference = await compileInference(chooseEngine(name, graph, precision), graph, {
    ...compileOptions,
    precision,
  })
  const loader = createLoader(data, { preprocessing, cacheBytes: 0 })
  try {
    await inference.write(values)
    const { counts } = await evaluate(inference, imageBatches(loader, batch), indices, classes.length, done =>
      onProgress?.(done, indices.length),
    )
    const each = perClass(counts).map(({ images, top1 }, c) => ({ class: classes[c]!, images, top1 }))
    return { ...withInterval(summarise(counts)), seen, perClass: each }
  } finally {
    await loader.close()
    await inference.program.dispose()
  }
}

const configIn = async (run: string): Promise<RunConfig | undefined> =>
  existsSync(join(run, 'config.json')) ? readConfig(run) : undefined

/** What a run was trained and tested in; float32 where this machine cannot, or where it is a model's folder alone. */
function precisionOf(config: RunConfig | undefined, graph: Graph, engine: 'auto' | Engine['name']): Precision {
  if (!config) return 'float32'
  const { precision } = config.options
  const able = everyEngine.some(
    ({ name, supports }) => [name, 'auto'].includes(engine) && supports(graph, precision).ok,
  )
  return able ? precision : 'float32'
}

/** The data set with the model's labels. @throws RegraftError where it has a class that the model does not know */
function relabelled(data: Dataset, classes: readonly string[], folder: string): Dataset {
  const labels = data.classes.map(name => classes.indexOf(name))
  const unknown = data.classes.filter((_, i) => labels[i] === -1)
  if (unknown.length > 0)
    throw new RegraftError(
      'data',
      `${folder} has classes that the model does not know: ${unknown.slice(0, 5).join(', ')}; rename the folders, or leave them out with --exclude ${unknown[0]}`,
    )
  return { ...data, classes, samples: data.samples.map(sample => ({ ...sample, label: labels[sample.label]! })) }
}
