/** What a server takes at most, so that no request and no number of them can exhaust it. */
import { z } from 'zod'

const MB = 1024 * 1024

export const limitsSchema = z.object({
  /** Bytes of a request's body. */
  bodyBytes: z
    .number()
    .int()
    .positive()
    .default(32 * MB),
  /** Images of a request. */
  images: z.number().int().positive().default(64),
  /** Pixels of an image: phones take pictures of 50 million. */
  pixels: z.number().int().positive().default(50_000_000),
  /** Bodies that are in memory at a time, in bytes. */
  waitingBytes: z
    .number()
    .int()
    .positive()
    .default(256 * MB),
  /** Requests that are worked on at a time; more are sent away for a moment. */
  waitingRequests: z.number().int().positive().default(128),
  /** Seconds in which a request has to have arrived. */
  seconds: z.number().positive().default(30),
})

export type Limits = z.infer<typeof limitsSchema>
