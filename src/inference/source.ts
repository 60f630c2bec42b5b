/** What is given as an image: a path, bytes or a stream of them, which is read within bounds and no longer than it is wanted. */
import { RegraftError } from '../base/errors.js'
import type { ImageSource } from './unreadable.js'

/** Bytes of a stream that are read: more than an image has a reason to have. */
const MOST_BYTES = 512 * 1024 * 1024

/** Programs without types may give anything. */
export const isImageSource = (given: unknown): given is ImageSource =>
  typeof given === 'string' ||
  given instanceof Uint8Array ||
  (typeof given === 'object' && given !== null && Symbol.asyncIterator in given)

const kindOf = (given: unknown): string =>
  typeof given === 'object' && given !== null ? (given.constructor?.name ?? 'an object') : typeof given

export const notAnImage = (given: unknown): RegraftError =>
  new RegraftError(
    'usage',
    `an image is the path of a file, its bytes (a Uint8Array or Buffer) or a stream of them, not ${kindOf(given)}`,
  )

/**
 * All bytes of a stream.
 * @throws RegraftError('data') where there are more than an image has; the signal's reason as soon as it is aborted
 */
export async function collected(stream: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<Uint8Array> {
  signal?.throwIfAborted()
  const iterator = stream[Symbol.asyncIterator]()
  const chunks: Uint8Array[] = []
  let length = 0
  let stop = () => {}
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal?.reason)
    signal?.addEventListener('abort', stop, { once: true })
  })
  try {
    for (;;) {
      const { done, value } = await Promise.race([iterator.next(), aborted])
      if (done) return Buffer.concat(chunks)
      if (!(value instanceof Uint8Array))
        throw new RegraftError('usage', `a stream of an image gives bytes (Uint8Array or Buffer), not ${kindOf(value)}`)
      length += value.length
      if (length > MOST_BYTES)
        throw new RegraftError('data', `the image is longer than ${MOST_BYTES / 1024 / 1024} MB; make it smaller`)
      chunks.push(value)
    }
  } catch (error) {
    // It may wait for what never comes: it is told, and not waited for
    void iterator.return?.().catch(() => {})
    throw error
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}
