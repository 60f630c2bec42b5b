/** A classifier that is kept ready: worker threads decode, and images that wait at the same moment share a run of the engine. */
import { availableParallelism } from 'node:os'
// A native module must be loaded by the main thread before worker threads load it
import 'sharp'
import { RegraftError } from '../base/errors.js'
import type { Preprocessing } from '../base/preprocessing.js'
import { createWorkerPool, MAX_PIXELS, pixelLoops } from '../data/index.js'
import { type CompileOptions, chooseEngine, type Engine } from '../engines/index.js'
import { networkGraph, networkNamed } from '../models/index.js'
import {
  compileInference,
  confidenceOf,
  type Inference,
  type Model,
  type Rejection,
  ranking,
  readModel,
  softmax,
  withViews,
} from '../training/index.js'
import type { ClassifyJob, ClassifyReply, ClassifySettings } from './classifyWorker.js'
import type { Score } from './score.js'
import { createSlots } from './slots.js'
import { collected, isImageSource, notAnImage } from './source.js'
import { type ImageSource, ImageTooLarge, UnreadableImage } from './unreadable.js'

/** Options of `loadClassifier`. */
export interface LoadOptions extends CompileOptions {
  readonly engine?: 'auto' | Engine['name']
  /** Divide logits by the temperature that was fitted on the run's validation images; default true. */
  readonly calibration?: boolean
  /** Images of more pixels are refused; default 100 million. */
  readonly maxPixels?: number
  /** Told of each run of the engine: the images in it, and its seconds. */
  readonly onBatch?: (images: number, seconds: number) => void
}

/** Options of one image's prediction. */
export interface PredictOptions {
  /** How many of the most probable classes are given; default: all. */
  readonly top?: number
  readonly signal?: AbortSignal
}

/** What logits say: the classes, the most probable first, and how sure that is, by which `reject` decides. */
export interface Judgement {
  readonly scores: readonly Score[]
  readonly confidence: number
}

/** A network in memory, compiled, with the threads that decode for it. */
export interface Classifier {
  readonly network: string
  readonly engine: Engine['name']
  readonly classes: readonly string[]
  readonly preprocessing: Preprocessing
  /** What logits are divided by: 1 where nothing was fitted, or `calibration` is false. */
  readonly temperature: number
  /** How sure the network was of validation images that it got right; undefined where that is not known. */
  readonly rejection: Rejection | undefined
  /**
   * What an image shows, the most probable class first. Call it for many images at once: they share threads and runs of the
   * engine, at most 64 are in memory at a time, and the numbers are those of each alone within the engine's rounding.
   * @throws UnreadableImage where it cannot be read; ImageTooLarge where it has too many pixels
   */
  predict(image: ImageSource, options?: PredictOptions): Promise<readonly Score[]>
  /** The same, and how sure the network is of the first class before any temperature: low where it shows none of the classes. */
  judge(image: ImageSource, options?: PredictOptions): Promise<Judgement>
  /** Finishes what was asked for, then frees memory and threads. It may be called again. */
  dispose(): Promise<void>
}

/** Images that are in memory at a time, and the images of a full run of the engine; a network of one image takes the rest. */
const [SLOTS, BATCH] = [64, 16]

/** The network, compiled for runs of so many images. */
interface Ready {
  readonly images: Float32Array
  readonly inference: Inference
}

interface Waiting {
  readonly input: Float32Array
  readonly signal: AbortSignal | undefined
  resolve(logits: Float32Array): void
  reject(error: unknown): void
}

/**
 * Reads and compiles a model once, for as many calls of `predict` as come.
 * @param source a run folder, a model folder, or a model at hand
 * @throws RegraftError where there is no model or no engine for it
 */
export async function loadClassifier(source: string | Model, options: LoadOptions = {}): Promise<Classifier> {
  const { engine: name = 'auto', calibration = true, maxPixels = MAX_PIXELS, onBatch, ...compile } = options
  const model = typeof source === 'string' ? await readModel(source) : source
  const temperature = calibration ? (model.temperature ?? 1) : 1
  const { classes, network, preprocessing, values } = model
  const length = 3 * preprocessing.size ** 2
  const graphOf = (batch: number) =>
    networkGraph(networkNamed(network), { classes: classes.length, batch, size: preprocessing.size })
  const engine = chooseEngine(name, graphOf(1), options.precision)
  const compiled = async (batch: number): Promise<Ready> => {
    const inference = withViews(await compileInference(engine, graphOf(batch), compile), preprocessing.size, model.tta)
    await inference.write(values)
    return { images: new Float32Array(batch * length), inference }
  }
  const single = await compiled(1)
  let full: Promise<Ready> | undefined
  pixelLoops()
  const settings: ClassifySettings = { preprocessing, maxPixels }
  const script = new URL('./classifyWorker.js', import.meta.url)
  const pool = createWorkerPool<ClassifyJob, ClassifyReply>(script, availableParallelism(), settings)
  const slots = createSlots(SLOTS, length)
  const queue: Waiting[] = []
  const asked = new Set<Promise<unknown>>()
  let decoding = 0
  let running = false
  let disposed: Promise<void> | undefined

  const runBatch = async (): Promise<void> => {
    // Places that hold no image cost as much as those that do, and a run of one image more than its share of a full one
    const many = 2 * queue.length > BATCH
    const own = queue.splice(0, many ? BATCH : 1)
    let began = performance.now()
    try {
      if (many && !full) full = compiled(BATCH)
      const { images, inference } = many ? await full! : single
      began = performance.now()
      own.forEach(({ input }, i) => {
        images.set(input, i * length)
      })
      const logits = await inference.run(images)
      own.forEach(({ resolve }, i) => {
        resolve(logits.slice(i * classes.length, (i + 1) * classes.length))
      })
    } catch (error) {
      for (const { reject } of own) reject(error)
    }
    onBatch?.(own.length, (performance.now() - began) / 1000)
  }
  const drain = async (): Promise<void> => {
    if (running) return
    running = true
    // Decoders and engine share the cores: what is being decoded joins a run that is not full
    while (queue.length >= BATCH || (queue.length > 0 && decoding === 0)) {
      const off = queue.filter(({ signal }) => signal?.aborted)
      for (const waiting of off) {
        queue.splice(queue.indexOf(waiting), 1)
        waiting.reject(waiting.signal?.reason)
      }
      if (queue.length > 0) await runBatch()
    }
    running = false
  }

  const judge = async (image: ImageSource, { top, signal }: PredictOptions): Promise<Judgement> => {
    const input = await slots.take(signal)
    try {
      const bytes = typeof image === 'string' || image instanceof Uint8Array ? image : await collected(image, signal)
      decoding++
      const { failure, tooLarge } = await pool.run({ image: bytes, out: input }, signal).finally(() => {
        decoding--
        // Once this image, if it can be decoded, waits for a run with the others
        if (decoding === 0) setImmediate(drain)
      })
      if (failure !== undefined)
        throw tooLarge ? new ImageTooLarge(image, failure, 'make it smaller') : new UnreadableImage(image, failure)
      const logits = await new Promise<Float32Array>((resolve, reject) => {
        queue.push({ input, signal, resolve, reject })
        void drain()
      })
      const probabilities = softmax(logits.map(value => value / temperature))
      const scores = ranking(logits)
        .slice(0, top)
        .map(c => ({ class: classes[c]!, probability: probabilities[c]! }))
      return { scores, confidence: confidenceOf(logits) }
    } finally {
      slots.give(input)
    }
  }

  const ask = (image: ImageSource, given: PredictOptions = {}): Promise<Judgement> => {
    if (disposed) return Promise.reject(new RegraftError('usage', 'the classifier was disposed; load it again'))
    const { top } = given
    if (top !== undefined && !(Number.isInteger(top) && top > 0))
      return Promise.reject(new RegraftError('usage', `top is ${top}; it says how many classes are given, from 1 on`))
    if (!isImageSource(image)) return Promise.reject(notAnImage(image))
    const answer = judge(image, given)
    const settled = answer.then(
      () => {},
      () => {},
    )
    asked.add(settled)
    void settled.then(() => asked.delete(settled))
    return answer
  }

  return {
    network,
    engine: engine.name,
    classes,
    preprocessing,
    temperature,
    rejection: model.rejection,
    judge: ask,
    predict: async (image, given) => (await ask(image, given)).scores,
    dispose: () => {
      disposed ??= (async () => {
        await Promise.all(asked)
        await pool.close()
        for (const program of [single, ...(full ? [await full.catch(() => undefined)] : [])])
          await program?.inference.program.dispose()
      })()
      return disposed
    },
  }
}
