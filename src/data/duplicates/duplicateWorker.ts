/** The worker thread of the search for duplicates: describes pictures, and compares two of them. */
import { createHash } from 'node:crypto'
import { readBounded } from '../decode/decode.js'
import {
  boxMeans,
  DESCRIBED_AREA,
  type GrayImage,
  inBytes,
  inFloats,
  readThumbnail,
  type Thumbnail,
} from '../decode/thumbnail.js'
import { answerJobs } from '../loader/workerPool.js'
import type { Compared, DuplicateJob, DuplicateReply } from './duplicateJob.js'
import { findKeypoints } from './keypoints.js'
import { oriented } from './orientation.js'
import { overlay, spread, wholeOnWhole } from './overlay.js'
import { perceptualHashes } from './perceptualHash.js'

/** Pixels of those of the first look. */
const SMALL_AREA = 48 ** 2
const MAX_KEYPOINTS = 96
/** Standard deviation of brightness, of 255, below which a picture shows nothing. */
const BLANK = 2
/** Below these, a first look says that the pictures differ; those that agree are far above. */
const FIRST_CORRELATION = 0.7
const FIRST_DETAIL = 0.78

answerJobs((job: DuplicateJob) => (job.task === 'describe' ? describe(job) : compare(job)))

async function describe({ path, crops, picture }: DuplicateJob & { task: 'describe' }): Promise<DuplicateReply> {
  const read = async (): Promise<Thumbnail> =>
    picture ? { gray: inFloats(picture), file: readBounded(path) } : readThumbnail(path, DESCRIBED_AREA)
  const thumbnail = await read().catch(() => undefined)
  if (thumbnail === undefined) return {}
  const { gray, file } = thumbnail
  const small = crops ? smaller(gray) : undefined
  return {
    signature: {
      digest: createHash('sha1').update(file).digest('base64'),
      hashes: spread(gray.pixels) < BLANK ? undefined : perceptualHashes(gray),
      keypoints: crops ? findKeypoints(gray, MAX_KEYPOINTS) : undefined,
      thumbnail: small && inBytes(small),
    },
  }
}

async function compare({ a, b, orientation, placement }: DuplicateJob & { task: 'compare' }): Promise<DuplicateReply> {
  const large = new Map<string, Promise<GrayImage>>()
  const gray = ({ path }: Compared): Promise<GrayImage> => {
    const read = large.get(path) ?? readThumbnail(path, DESCRIBED_AREA).then(({ gray }) => gray)
    large.set(path, read)
    return read
  }
  const small = async (side: Compared) => (side.thumbnail ? inFloats(side.thumbnail) : smaller(await gray(side)))
  const smallA = await small(a)
  const smallB = oriented(await small(b), orientation)
  const first = overlay(smallA, smallB, placement ?? wholeOnWhole(smallA, smallB))
  if (first === undefined || first.correlation < FIRST_CORRELATION || first.detail < FIRST_DETAIL) return {}
  const [largeA, largeB] = await Promise.all([gray(a), gray(b)])
  const second = overlay(largeA, oriented(largeB, orientation), first.placement, 0.5)
  return second === undefined ? {} : { overlay: second }
}

function smaller(gray: GrayImage): GrayImage {
  const scale = Math.min(1, Math.sqrt(SMALL_AREA / (gray.width * gray.height)))
  const side = (length: number) => Math.max(1, Math.round(length * scale))
  return boxMeans(gray, side(gray.width), side(gray.height))
}
