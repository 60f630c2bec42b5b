/** Makes small pictures in threads of their own, for a server that has to answer others meanwhile. */
import { availableParallelism } from 'node:os'
// A native module must be loaded by the main thread before worker threads load it
import 'sharp'
import { createWorkerPool } from '../../data/index.js'
import type { ThumbnailReply } from './thumbnailWorker.js'

export interface Thumbnails {
  /** A JPEG of the image in a file. @throws Error where it cannot be read */
  of(path: string): Promise<Uint8Array>
  close(): Promise<void>
}

/** Threads are started when there is something to do. */
export function createThumbnails(): Thumbnails {
  const script = new URL('./thumbnailWorker.js', import.meta.url)
  const pool = createWorkerPool<string, ThumbnailReply>(script, availableParallelism(), undefined)
  return {
    of: async path => {
      const reply = await pool.run(path)
      if ('failure' in reply) throw new Error(reply.failure)
      return reply.jpeg
    },
    close: pool.close,
  }
}
