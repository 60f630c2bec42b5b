/** A classifier: a trained model, or a pretrained network itself, ready to say what images show. */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { createLoader, type Dataset } from '../data/index.js'
import { type CompileOptions, chooseEngine, type Engine } from '../engines/index.js'
import { networkGraph, networkNamed } from '../models/index.js'
import { compileInference, graft, type Model, ranking, readModel, softmax } from '../training/index.js'

/** A class and its probability, from 0 to 1. */
export interface Score {
  readonly class: string
  readonly probability: number
}

/** What one image shows, the most probable class first, or why it cannot be read. */
export type ImagePrediction =
  | { readonly path: string; readonly scores: readonly Score[] }
  | { readonly path: string; readonly error: string }

export interface ClassifierOptions extends CompileOptions {
  readonly engine?: 'auto' | Engine['name']
  /** How many of the most probable classes are given; default 5. */
  readonly top?: number
}

/** The 1000 classes of ImageNet-1k in the order of their outputs. */
const imagenetClasses = (): string[] =>
  z
    .array(z.string())
    .parse(JSON.parse(readFileSync(new URL('../../assets/imagenet-classes.json', import.meta.url), 'utf8')))

/**
 * A pretrained network with its own head, for ImageNet's classes.
 * @param source as `--weights` takes it
 */
export async function pretrainedModel(
  source: string,
  options: { network?: string | undefined; match?: 'name' | 'order'; signal?: AbortSignal } = {},
): Promise<Model> {
  const classes = imagenetClasses()
  const grafted = await graft({ ...options, weights: source, classes: classes.length, seed: 0, keepHead: true })
  const { network, preprocessing, values } = grafted
  return { format: 'regraft-model-1', network: network.name, classes, preprocessing, values }
}

/**
 * Classifies image files in batches, in the given order.
 * @param model a run folder, a model folder, or a model at hand
 * @throws RegraftError where there is no model; an image that cannot be read is a result of its own
 */
export async function* predict(
  model: string | Model,
  paths: readonly string[],
  options: ClassifierOptions = {},
): AsyncGenerator<ImagePrediction> {
  const { classes, network, preprocessing, values } = typeof model === 'string' ? await readModel(model) : model
  const { engine: name = 'auto', top = 5, ...compileOptions } = options
  if (paths.length === 0) return
  const batch = Math.min(paths.length, 16)
  const graph = networkGraph(networkNamed(network), { classes: classes.length, batch, size: preprocessing.size })
  const inference = await compileInference(chooseEngine(name, graph, options.precision), graph, compileOptions)
  const loader = createLoader(filesAsDataset(paths), {
    preprocessing,
    cacheBytes: 2 ** 28,
  })
  const batchAt = (first: number) => paths.slice(first, first + batch).map((_, i) => first + i)
  /** Reads the images of a batch. @returns why, for those that cannot be read */
  const read = async (indices: readonly number[]) => {
    const failures = new Map<number, string>()
    const readOne = async (index: number) => {
      const failure = await loader.prepare(index)
      if (failure !== undefined) failures.set(index, failure)
    }
    await Promise.all(indices.map(readOne))
    return failures
  }
  try {
    await inference.write(values)
    let next = read(batchAt(0))
    for (let first = 0; first < paths.length; first += batch) {
      const indices = batchAt(first)
      const failures = await next
      next = read(batchAt(first + batch))
      // Nobody may come to wait for it
      next.catch(() => {})
      const good = indices.filter(index => !failures.has(index))
      const scores = new Map<number, Score[]>()
      for await (const images of loader.batches(good, { batchSize: batch })) {
        const logits = await inference.run(images.images)
        for (let row = 0; row < images.count; row++) {
          const own = logits.subarray(row * classes.length, (row + 1) * classes.length)
          const probabilities = softmax(own)
          const best = ranking(own).slice(0, top)
          scores.set(
            images.indices[row]!,
            best.map(c => ({ class: classes[c]!, probability: probabilities[c]! })),
          )
        }
      }
      for (const index of indices) {
        const path = paths[index]!
        yield scores.has(index) ? { path, scores: scores.get(index)! } : { path, error: failures.get(index)! }
      }
    }
  } finally {
    await loader.close()
    await inference.program.dispose()
  }
}

const filesAsDataset = (paths: readonly string[]): Dataset => ({
  root: process.cwd(),
  classes: [''],
  samples: paths.map(path => ({ path, label: 0 })),
})
