/** The threads of an explainer: images are decoded and pictures drawn there, so that a large image keeps nobody else waiting. */
import { availableParallelism } from 'node:os'
// A native module must be loaded by the main thread before worker threads load it
import 'sharp'
import type { Preprocessing } from '../base/preprocessing.js'
import { createWorkerPool, pixelLoops, type RgbImage } from '../data/index.js'
import type { ExplainJob, ExplainReply, ExplainSettings } from './explainWorker.js'
import { overlay } from './overlay.js'
import { ImageTooLarge, UnreadableImage } from './unreadable.js'

export interface ExplainThreads {
  /**
   * A picture of the image, as small as it is drawn, and the network's input.
   * @throws UnreadableImage where it cannot be decoded; ImageTooLarge where it has too many pixels
   */
  decode(image: string | Uint8Array): Promise<{ readonly picture: RgbImage; readonly input: Float32Array }>
  /** A PNG of the image with a map over it. */
  draw(picture: RgbImage, map: Float32Array, side: number): Promise<Uint8Array>
  /** Ends the threads when what was begun is done; pictures may still be drawn, by the caller's thread. */
  close(): Promise<void>
}

/** Threads are started when there is something to do. */
export function createExplainThreads(preprocessing: Preprocessing, maxPixels: number | undefined): ExplainThreads {
  pixelLoops()
  const settings: ExplainSettings = { preprocessing, maxPixels }
  const script = new URL('./explainWorker.js', import.meta.url)
  const pool = createWorkerPool<ExplainJob, ExplainReply>(script, availableParallelism(), settings)
  const begun = new Set<Promise<unknown>>()
  let closed = false
  const run = (job: ExplainJob) => {
    const reply = pool.run(job)
    const settled = reply.catch(() => {}).finally(() => begun.delete(settled))
    begun.add(settled)
    return reply
  }
  return {
    decode: async image => {
      const input = new Float32Array(new SharedArrayBuffer(12 * preprocessing.size ** 2))
      const reply = await run({ task: 'decode', image, out: input })
      if ('picture' in reply) return { picture: reply.picture, input }
      if (!('failure' in reply)) throw new Error('the worker drew where it was to decode')
      throw reply.tooLarge
        ? new ImageTooLarge(image, reply.failure, 'make it smaller')
        : new UnreadableImage(image, reply.failure)
    },
    draw: async (picture, map, side) => {
      if (closed) return overlay(picture, map, side, preprocessing)
      const reply = await run({ task: 'draw', picture, map, side })
      if (!('png' in reply)) throw new Error('the worker decoded where it was to draw')
      return reply.png
    },
    close: async () => {
      closed = true
      await Promise.all(begun)
      await pool.close()
    },
  }
}
