/** Explains what a classifier sees: a network kept ready that says, for an image and a class, where the score comes from. */
import { RegraftError } from '../base/errors.js'
import { didYouMean } from '../base/suggest.js'
import { type CompileOptions, chooseEngine, type Engine } from '../engines/index.js'
import { networkGraph, networkNamed } from '../models/index.js'
import {
  confidenceOf,
  type Model,
  meanLogits,
  mirrored,
  type Rejection,
  ranking,
  readModel,
  softmax,
} from '../training/index.js'
import { createExplainThreads } from './explainThreads.js'
import { compileGradCam } from './gradCam.js'
import type { Score } from './score.js'

/** Options of `loadExplainer`. */
export interface ExplainerOptions extends CompileOptions {
  readonly engine?: 'auto' | Engine['name']
  /** Divide logits by the temperature that was fitted on the run's validation images; default true. */
  readonly calibration?: boolean
  /** Images of more pixels are refused; default 100 million. */
  readonly maxPixels?: number
}

/** Why an image is given a class. */
export interface Explanation {
  /** The class that is explained. */
  readonly class: string
  /** All classes, the most probable first. */
  readonly scores: readonly Score[]
  /** How sure the network is of the first class before any temperature: low where the image shows none of the classes. */
  readonly confidence: number
  /** Grad-CAM on the cells of the last stage: `side` x `side` numbers from 0 to 1, row by row, of the part that the network saw. */
  readonly map: Float32Array
  readonly side: number
  /** The image as a PNG with the map over it; what the network did not see is dimmed. */
  overlay(): Promise<Uint8Array>
}

/** A network that is kept ready. Images wait for one another. */
export interface Explainer {
  readonly classes: readonly string[]
  /** How sure the network was of validation images that it got right; undefined where that is not known. */
  readonly rejection: Rejection | undefined
  /**
   * @param image path or bytes of an image file
   * @param name a class; by default the most probable one
   * @throws UnreadableImage where it cannot be read; RegraftError('usage') where there is no such class
   */
  explain(image: string | Uint8Array, name?: string): Promise<Explanation>
  /** Frees the engine's program and the threads; the explainer is not to be asked again. */
  close(): Promise<void>
}

/**
 * Compiles a model for Grad-CAM.
 * @param model a run folder, a model folder, or a model at hand
 * @throws RegraftError where there is no model
 */
export async function loadExplainer(model: string | Model, options: ExplainerOptions = {}): Promise<Explainer> {
  const read = typeof model === 'string' ? await readModel(model) : model
  const { classes, network, preprocessing, tta, values } = read
  const { engine = 'auto', calibration = true, maxPixels, ...compileOptions } = options
  const temperature = calibration ? (read.temperature ?? 1) : 1
  const { size } = preprocessing
  const graph = networkGraph(networkNamed(network), { classes: classes.length, batch: 1, size })
  const gradCam = await compileGradCam(chooseEngine(engine, graph, options.precision), graph, compileOptions)
  await gradCam.write(values)
  const threads = createExplainThreads(preprocessing, maxPixels)
  return {
    classes,
    rejection: read.rejection,
    explain: async (image, name) => {
      const chosen = name === undefined ? undefined : labelOf(name, classes)
      const { picture, input } = await threads.decode(image)
      const activations = await gradCam.forward(input)
      // Probabilities are those of predict; the map is of the image as it is
      const logits =
        tta === 'flip'
          ? meanLogits(activations.logits, (await gradCam.forward(mirrored(input, size))).logits)
          : activations.logits
      const probabilities = softmax(logits.map(value => value / temperature))
      const order = ranking(logits)
      const label = chosen ?? order[0]!
      const map = await gradCam.map(activations, label)
      return {
        class: classes[label]!,
        scores: order.map(c => ({ class: classes[c]!, probability: probabilities[c]! })),
        confidence: confidenceOf(logits),
        map,
        side: gradCam.side,
        overlay: () => threads.draw(picture, map, gradCam.side),
      }
    },
    close: async () => {
      await threads.close()
      await gradCam.dispose()
    },
  }
}

function labelOf(name: string, classes: readonly string[]): number {
  const label = classes.indexOf(name)
  if (label >= 0) return label
  throw new RegraftError(
    'usage',
    `there is no class '${name}'${didYouMean(name, classes) || '.'} It has ${classes.length}: ${classes.slice(0, 10).join(', ')}${classes.length > 10 ? ', …' : ''}`,
  )
}
