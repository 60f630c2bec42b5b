/** The worker thread of the search for duplicates: describes pictures, and compares two of them. */
import { createHash } from 'node:crypto'
import { parentPort } from 'node:worker_threads'
import type { DuplicateJob, DuplicateReply, Signature } from './duplicateJob.js'
import { findKeypoints } from './keypoints.js'
import { overlay, spread, wholeOnWhole } from './overlay.js'
import { perceptualHash } from './perceptualHash.js'
import { boxMeans, type GrayImage, readThumbnail } from './thumbnail.js'

/** Pixels of the pictures that are described and, at last, compared. */
const AREA = 112 ** 2
/** Pixels of those of the first look. */
const SMALL_AREA = 48 ** 2
const MAX_KEYPOINTS = 96
/** Standard deviation of brightness, of 255, below which a picture shows nothing. */
const BLANK = 2
/** Below these, a first look says that the pictures differ; those that agree are far above. */
const FIRST_CORRELATION = 0.7
const FIRST_DETAIL = 0.78

parentPort?.on('message', async (job: DuplicateJob) => {
  parentPort?.postMessage(job.task === 'describe' ? await describe(job.path) : await compare(job))
})

async function describe(path: string): Promise<DuplicateReply> {
  const thumbnail = await readThumbnail(path, AREA).catch(() => undefined)
  if (thumbnail === undefined) return {}
  const { gray, file } = thumbnail
  const scale = Math.min(1, Math.sqrt(SMALL_AREA / (gray.width * gray.height)))
  const side = (length: number) => Math.max(1, Math.round(length * scale))
  const small = boxMeans(gray, side(gray.width), side(gray.height))
  return {
    signature: {
      digest: createHash('sha1').update(file).digest('base64'),
      hash: spread(gray.pixels) < BLANK ? undefined : perceptualHash(gray),
      keypoints: findKeypoints(gray, MAX_KEYPOINTS),
      thumbnail: { width: small.width, height: small.height, pixels: Uint8Array.from(small.pixels, Math.round) },
    },
  }
}

async function compare({ a, b, placement }: DuplicateJob & { task: 'compare' }): Promise<DuplicateReply> {
  const smallA = inFloats(a.thumbnail)
  const smallB = inFloats(b.thumbnail)
  const first = overlay(smallA, smallB, placement ?? wholeOnWhole(smallA, smallB))
  if (first === undefined || first.correlation < FIRST_CORRELATION || first.detail < FIRST_DETAIL) return {}
  const [largeA, largeB] = await Promise.all([readThumbnail(a.path, AREA), readThumbnail(b.path, AREA)])
  const second = overlay(largeA.gray, largeB.gray, first.placement)
  return second === undefined ? {} : { overlay: second }
}

const inFloats = ({ width, height, pixels }: Signature['thumbnail']): GrayImage => ({
  width,
  height,
  pixels: Float32Array.from(pixels),
})
