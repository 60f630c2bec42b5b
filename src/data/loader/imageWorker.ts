/** The worker thread of the loader: decodes, resamples, augments and normalises one image at a time. */
import { workerData } from 'node:worker_threads'
import { randomStream } from '../../base/random.js'
import { randomErasing } from '../augment/randomErasing.js'
import { varied } from '../augment/variation.js'
import { decodeFile, type RgbImage } from '../decode/decode.js'
import { augment, augmentationSource, evaluationCrop, normalisation, normalise } from '../decode/transform.js'
import type { ImageJob, ImageReply, ImageSettings } from './imageJob.js'
import { answerJobs } from './workerPool.js'

const { preprocessing, cropFlip, variation } = workerData as ImageSettings
const tables = normalisation(preprocessing)
// The main thread has seen that it can be loaded, and is a function
const own = variation.own === undefined ? undefined : (await import(variation.own)).default

answerJobs(handle)

async function handle(job: ImageJob): Promise<ImageReply> {
  let image = job.image
  let faint = false
  if (image === undefined) {
    let decoded: RgbImage
    try {
      decoded = await decodeFile(job.path)
    } catch (error) {
      return { failure: error instanceof Error ? error.message : String(error) }
    }
    faint = decoded.faint ?? false
    image = (job.kind === 'crop' ? evaluationCrop : augmentationSource)(decoded, preprocessing)
  }
  if (job.out !== undefined) write(image, job, job.out)
  return { faint, ...(job.keep && job.image === undefined ? { image: inSharedMemory(image) } : {}) }
}

function write(image: RgbImage, job: ImageJob, out: NonNullable<ImageJob['out']>): void {
  const { size } = preprocessing
  const length = 3 * size * size
  const input = out.images.subarray(out.place * length, (out.place + 1) * length)
  const random = randomStream(...job.random)
  const view =
    job.kind === 'crop' ? { pixels: image.pixels, flipped: false } : augment(image, preprocessing, cropFlip, random)
  normalise(job.vary ? varied(view, size, variation, random, own) : view, size, tables, input)
  if (job.vary) randomErasing(input, size, variation.randomErasing, random)
}

function inSharedMemory({ width, height, pixels }: RgbImage): RgbImage {
  const shared = new Uint8Array(new SharedArrayBuffer(pixels.length))
  shared.set(pixels)
  return { width, height, pixels: shared }
}
