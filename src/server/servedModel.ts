/** The model that is served. A newer one takes its place at once, and the old one finishes what was asked of it. */
import { realpath } from 'node:fs/promises'
import {
  type Classifier,
  type ExplainerOptions,
  type Explanation,
  loadClassifier,
  loadExplainer,
} from '../inference/index.js'
import { readModel } from '../training/index.js'

export interface ModelOptions extends ExplainerOptions {
  readonly maxPixels: number
  /** Told of each run of the engine: the images in it, and its seconds. */
  readonly onBatch: (images: number, seconds: number) => void
}

/** A model that is ready. */
export interface ServedModel
  extends Pick<Classifier, 'classes' | 'engine' | 'judge' | 'network' | 'rejection' | 'temperature'> {
  /** Height and width of its input. */
  readonly size: number
  readonly loaded: Date
  /** @throws as `Explainer.explain` does */
  explain(image: Uint8Array, name?: string): Promise<Explanation>
}

/** What is served now. */
export interface ModelPlace {
  readonly current: ServedModel
  /** Reads the folder again. Where that fails, what was served before stays. */
  reload(): Promise<ServedModel>
  /** Finishes what was asked for. */
  close(): Promise<void>
}

interface Ready extends ServedModel {
  dispose(): Promise<void>
}

/** @param run a run folder, or a model folder; no other path is ever read */
export async function openModel(run: string, options: ModelOptions): Promise<ModelPlace> {
  let current = await load(run, options)
  let reloading: Promise<unknown> = Promise.resolve()
  let waiting: Promise<ServedModel> | undefined
  const leaving = new Set<Promise<void>>()
  const leave = (model: Ready) => {
    const left = model.dispose().finally(() => leaving.delete(left))
    leaving.add(left)
  }
  const reload = async () => {
    waiting = undefined
    const old = current
    current = await load(run, options)
    leave(old)
    return current
  }
  return {
    get current() {
      return current
    },
    reload: () => {
      // One at a time; who asks meanwhile shares the one that follows
      waiting ??= reloading.then(reload, reload)
      reloading = waiting
      return waiting
    },
    close: async () => {
      await reloading.catch(() => {})
      leave(current)
      await Promise.all(leaving)
    },
  }
}

async function load(run: string, { maxPixels, onBatch, ...options }: ModelOptions): Promise<Ready> {
  // Read once, in one folder: a link may lead to another between two looks at it
  const model = await readModel(await realpath(run).catch(() => run))
  const classifier = await loadClassifier(model, { ...options, maxPixels, onBatch })
  const explainer = await loadExplainer(model, { ...options, maxPixels }).catch(async error => {
    await classifier.dispose()
    throw error
  })
  const asked = new Set<Promise<unknown>>()
  const { classes, engine, judge, network, preprocessing, rejection, temperature } = classifier
  return {
    classes,
    engine,
    network,
    temperature,
    rejection,
    judge,
    size: preprocessing.size,
    loaded: new Date(),
    explain: (image, name) => {
      const answer = explainer.explain(image, name)
      const settled = answer.catch(() => {}).finally(() => asked.delete(settled))
      asked.add(settled)
      return answer
    },
    dispose: async () => {
      await Promise.all([...asked, classifier.dispose()])
      await explainer.close()
    },
  }
}
