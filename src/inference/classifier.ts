/** A classifier: a trained model, or a pretrained network itself, ready to say what images show. */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { RegraftError } from '../base/errors.js'
import { graft, type Model, thresholdOf } from '../training/index.js'
import { type LoadOptions, loadClassifier } from './loadClassifier.js'
import type { Score } from './score.js'
import { UnreadableImage } from './unreadable.js'

/** What one image shows, the most probable class first, or why it cannot be read. */
export type ImagePrediction =
  /** `rejected`: it shows none of the classes, as far as `reject` tells. */
  | { readonly path: string; readonly scores: readonly Score[]; readonly rejected?: boolean }
  | { readonly path: string; readonly error: string }

/** Options of `predict`. */
export interface ClassifierOptions extends Omit<LoadOptions, 'onBatch'> {
  /** How many of the most probable classes are given; default 5. */
  readonly top?: number
  /** Tell images that show none of the classes: so large a share of validation images that were classified right passes. */
  readonly reject?: number
}

/** The 1000 classes of ImageNet-1k in the order of their outputs. */
const imagenetClasses = (): string[] =>
  z
    .array(z.string())
    .parse(JSON.parse(readFileSync(new URL('../../assets/imagenet-classes.json', import.meta.url), 'utf8')))

/**
 * A pretrained network with its own head: ImageNet's classes, or those that somebody trained it for.
 * @param source as `--weights` takes it; undefined: what the network of `options` has published
 */
export async function pretrainedModel(
  source: string | undefined,
  options: {
    network?: string | undefined
    weightsPrefix?: string | undefined
    match?: 'name' | 'order'
    /** Names of the outputs in their order; default: what the file says, else ImageNet's for a thousand, else 'class 0' and so on. */
    classes?: readonly string[] | undefined
    signal?: AbortSignal
    /** Hears what was taken from the file, and what was assumed of it. */
    onNote?: (words: string) => void
  } = {},
): Promise<Model> {
  const { classes: names, onNote, ...others } = options
  const kept = { weights: source, classes: 1000, seed: 0, keepHead: true, ownClasses: true }
  const { network, preprocessing, values, note, ...own } = await graft({ ...others, ...kept })
  if (note) onNote?.(note)
  const count = values.get(`${network.head}.bias`)?.length ?? 0
  if (names && names.length !== count)
    throw new RegraftError(
      'usage',
      `${names.length} classes are named, and the head of ${network.name} in ${source} has ${count}; name one a line, in the order of its outputs`,
    )
  const stated = own.classes?.length === count ? own.classes : undefined
  const unnamed = () => (count === 1000 ? imagenetClasses() : Array.from({ length: count }, (_, i) => `class ${i}`))
  return {
    format: 'regraft-model-1',
    network: network.name,
    classes: [...(names ?? stated ?? unnamed())],
    preprocessing,
    values,
    ...(stated && own.temperature !== undefined ? { temperature: own.temperature } : {}),
  }
}

/** Images that are asked for before their turn has come: enough for full runs of the engine while results are read. */
const AHEAD = 64

/**
 * Classifies image files, in the given order.
 * @param model a run folder, a model folder, or a model at hand
 * @throws RegraftError where there is no model; an image that cannot be read is a result of its own
 */
export async function* predict(
  model: string | Model,
  paths: readonly string[],
  options: ClassifierOptions = {},
): AsyncGenerator<ImagePrediction> {
  const { top = 5, reject, ...load } = options
  if (paths.length === 0) return
  const classifier = await loadClassifier(model, load)
  const named = typeof model === 'string' ? model : 'this model'
  let threshold: number | undefined
  try {
    if (reject !== undefined) threshold = thresholdOf(classifier.rejection, reject, named)
  } catch (error) {
    await classifier.dispose()
    throw error
  }
  const stop = new AbortController()
  const ask = async (path: string): Promise<ImagePrediction> => {
    try {
      const { scores, confidence } = await classifier.judge(path, { top, signal: stop.signal })
      return threshold === undefined ? { path, scores } : { path, scores, rejected: confidence < threshold }
    } catch (error) {
      if (error instanceof UnreadableImage) return { path, error: error.reason }
      throw error
    }
  }
  const asked: Promise<ImagePrediction>[] = []
  try {
    for (let next = 0; next < paths.length || asked.length > 0; ) {
      while (asked.length < AHEAD && next < paths.length) {
        const answer = ask(paths[next++]!)
        // Nobody may come to wait for it
        answer.catch(() => {})
        asked.push(answer)
      }
      yield await asked.shift()!
    }
  } finally {
    stop.abort()
    await classifier.dispose()
  }
}
