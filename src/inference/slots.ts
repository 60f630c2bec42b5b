/** A fixed number of places for inputs: who finds none free waits, so memory stays bounded however many images come. */

export interface Slots {
  /** A place, as soon as one is free. @throws the signal's reason, if it is aborted before */
  take(signal?: AbortSignal): Promise<Float32Array>
  give(slot: Float32Array): void
}

/** @param length numbers in a place; places are shared with worker threads */
export function createSlots(count: number, length: number): Slots {
  const free: Float32Array[] = []
  const waiting = new Set<(slot: Float32Array) => void>()
  let made = 0
  return {
    take: async signal => {
      signal?.throwIfAborted()
      const own = free.pop()
      if (own) return own
      if (made < count) {
        made++
        return new Float32Array(new SharedArrayBuffer(4 * length))
      }
      return new Promise((resolve, reject) => {
        const given = (slot: Float32Array) => {
          signal?.removeEventListener('abort', aborted)
          resolve(slot)
        }
        const aborted = () => {
          waiting.delete(given)
          reject(signal?.reason)
        }
        waiting.add(given)
        signal?.addEventListener('abort', aborted, { once: true })
      })
    },
    give: slot => {
      const [next] = waiting
      if (next) {
        waiting.delete(next)
        next(slot)
      } else free.push(slot)
    },
  }
}
