/** The worker thread of an explainer: decodes an image into a network's input, and lays heat maps over images. */
import { workerData } from 'node:worker_threads'
import type { Preprocessing } from '../base/preprocessing.js'
import {
  answerJobs,
  decodeImage,
  evaluationCrop,
  normalisation,
  normalise,
  type RgbImage,
  readBounded,
  TooManyPixels,
} from '../data/threads.js'
import { overlay, pictureOf } from './overlay.js'

/** What the worker is started with. */
export interface ExplainSettings {
  readonly preprocessing: Preprocessing
  readonly maxPixels: number | undefined
}

export type ExplainJob =
  | {
      readonly task: 'decode'
      readonly image: string | Uint8Array
      /** In shared memory: 3 x size x size numbers. */
      readonly out: Float32Array
    }
  | { readonly task: 'draw'; readonly picture: RgbImage; readonly map: Float32Array; readonly side: number }

/** The picture, its pixels in shared memory, or what was drawn, or why the image cannot be decoded. */
export type ExplainReply =
  | { readonly picture: RgbImage }
  | { readonly png: Uint8Array }
  | { readonly failure: string; readonly tooLarge: boolean }

const { preprocessing, maxPixels } = workerData as ExplainSettings
const tables = normalisation(preprocessing)

answerJobs(
  async (job: ExplainJob): Promise<ExplainReply> =>
    job.task === 'decode' ? decode(job) : { png: await overlay(job.picture, job.map, job.side, preprocessing) },
)

async function decode({ image, out }: ExplainJob & { task: 'decode' }): Promise<ExplainReply> {
  try {
    const decoded = await decodeImage(typeof image === 'string' ? readBounded(image) : image, maxPixels)
    normalise(
      { pixels: evaluationCrop(decoded, preprocessing).pixels, flipped: false },
      preprocessing.size,
      tables,
      out,
    )
    const small = await pictureOf(decoded)
    const pixels = new Uint8Array(new SharedArrayBuffer(small.pixels.length))
    pixels.set(small.pixels)
    return { picture: { ...small, pixels } }
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error)
    return { failure, tooLarge: error instanceof TooManyPixels }
  }
}
