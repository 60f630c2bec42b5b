/** Admission: a bounded number of requests and of bytes is taken in; what comes above that is asked to come again. */
import type { MiddlewareHandler } from 'hono'
import type { Limits } from './limits.js'
import { Refusal } from './refusal.js'

export interface Admission {
  /** Before a body is read. */
  readonly middleware: MiddlewareHandler
  /** Requests that are worked on. */
  waiting(): number
}

export function createAdmission(limits: Limits): Admission {
  let requests = 0
  let bytes = 0
  return {
    waiting: () => requests,
    middleware: async (context, next) => {
      // A body that does not say how long it is may be as long as any
      const announced = Number(context.req.header('content-length') ?? limits.bodyBytes)
      if (!(announced <= limits.bodyBytes)) throw bodyTooLarge(limits)
      if (requests >= limits.waitingRequests || (requests > 0 && bytes + announced > limits.waitingBytes)) {
        await passBy(context.req.raw.body, limits.bodyBytes)
        throw new Refusal(503, 'the server has as much to do as it takes; ask again in a second', 1)
      }
      requests++
      bytes += announced
      try {
        await next()
      } finally {
        requests--
        bytes -= announced
      }
    },
  }
}

/**
 * Takes a body and keeps nothing of it: a sender that finds its connection closed in the middle does not hear why. It
 * has the time that every request has to arrive.
 */
async function passBy(body: ReadableStream<Uint8Array> | null, most: number): Promise<void> {
  let length = 0
  try {
    for await (const chunk of body ?? []) {
      length += chunk.length
      if (length > most) return
    }
  } catch {
    // Its sender is gone
  }
}

export const bodyTooLarge = ({ bodyBytes }: Limits): Refusal =>
  new Refusal(413, `the body is larger than ${bodyBytes / 1024 / 1024} MB; send fewer or smaller images`)
