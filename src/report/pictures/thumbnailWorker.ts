/** The worker thread that makes small pictures: a HEIC photograph takes it a second. */
import { answerJobs, readBounded } from '../../data/threads.js'
import { thumbnailOf } from './thumbnail.js'

/** The picture, or why there is none. */
export type ThumbnailReply = { readonly jpeg: Uint8Array } | { readonly failure: string }

answerJobs(async (path: string): Promise<ThumbnailReply> => {
  try {
    return { jpeg: await thumbnailOf(readBounded(path)) }
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) }
  }
})
