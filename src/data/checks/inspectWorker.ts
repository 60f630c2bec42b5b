/** The worker thread of an audit: decodes an image as training does, and looks at what kind of file it is. */
import sharp from 'sharp'
import { decodeOpened, MAX_PIXELS, type RgbImage, readBounded } from '../decode/decode.js'
import { openImage } from '../decode/openImage.js'
import { DESCRIBED_AREA, grayOf, inBytes } from '../decode/thumbnail.js'
import { answerJobs } from '../loader/workerPool.js'
import type { InspectJob, InspectReply } from './inspectJob.js'

/** Difference of channels, of 255, that JPEG compression may give to gray. */
const GRAY_SPREAD = 12
/** Share of pixels that may have more. */
const COLOURED_SHARE = 0.001

answerJobs(inspect)

async function inspect({ path }: InspectJob): Promise<InspectReply> {
  try {
    const bytes = readBounded(path)
    const opened = await openImage(bytes, MAX_PIXELS)
    const image = await decodeOpened(opened, bytes)
    const { format, open, raw } = opened
    const { space, depth, hasAlpha, isPalette, pages, orientation } = raw
      ? await open().metadata()
      : await sharp(bytes, { limitInputPixels: MAX_PIXELS }).metadata()
    return {
      ...(format === 'HEIC' ? { picture: inBytes(await grayOf(opened, DESCRIBED_AREA)) } : {}),
      facts: {
        format,
        width: image.width,
        height: image.height,
        bytes: bytes.length,
        gray: isGray(image),
        // GIF files have the channel in any case
        alpha: hasAlpha === true && !(await open().stats()).isOpaque,
        cmyk: space === 'cmyk',
        bits: raw?.bits ?? (depth === 'uchar' ? 8 : 16),
        palette: raw?.palette ?? isPalette ?? false,
        frames: pages ?? 1,
        faint: image.faint ?? false,
        turned: raw?.turned ?? (orientation ?? 1) > 1,
      },
    }
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) }
  }
}

function isGray({ pixels }: RgbImage): boolean {
  const allowed = (pixels.length / 3) * COLOURED_SHARE
  let coloured = 0
  for (let i = 0; i < pixels.length; i += 3) {
    const [r, g, b] = [pixels[i]!, pixels[i + 1]!, pixels[i + 2]!]
    if (Math.max(r, g, b) - Math.min(r, g, b) > GRAY_SPREAD && ++coloured > allowed) return false
  }
  return true
}
