/** The worker thread of a classifier: turns an image, a path or its bytes, into a network's input. */
import { workerData } from 'node:worker_threads'
import type { Preprocessing } from '../base/preprocessing.js'
import {
  answerJobs,
  decodeImage,
  evaluationCrop,
  normalisation,
  normalise,
  readBounded,
  TooManyPixels,
} from '../data/threads.js'

/** What the worker is started with. */
export interface ClassifySettings {
  readonly preprocessing: Preprocessing
  readonly maxPixels: number
}

export interface ClassifyJob {
  readonly image: string | Uint8Array
  /** In shared memory: 3 x size x size numbers. */
  readonly out: Float32Array
}

/** Why an image is no input; empty where it is one. */
export interface ClassifyReply {
  readonly failure?: string
  readonly tooLarge?: boolean
}

const { preprocessing, maxPixels } = workerData as ClassifySettings
const tables = normalisation(preprocessing)

answerJobs(async ({ image, out }: ClassifyJob): Promise<ClassifyReply> => {
  try {
    const decoded = await decodeImage(typeof image === 'string' ? readBounded(image) : image, maxPixels)
    const { pixels } = evaluationCrop(decoded, preprocessing)
    normalise({ pixels, flipped: false }, preprocessing.size, tables, out)
    return {}
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error)
    return { failure, tooLarge: error instanceof TooManyPixels }
  }
})
