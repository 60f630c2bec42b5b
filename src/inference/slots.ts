/** A fixed number of places for inputs: who finds none free waits, so memory stays bounded however many images come. */

export interface Slots {
  /** A place, as soon as one is free. @throws the signal's reason, if it is aborted when the turn comes */
  take(signal?: AbortSignal): Promise<Float32Array>
  give(slot: Float32Array): void
}

interface Turn {
  readonly signal: AbortSignal | undefined
  resolve(slot: Float32Array): void
  reject(reason: unknown): void
}

/** @param length numbers in a place; places are shared with worker threads */
export function createSlots(count: number, length: number): Slots {
  const free: Float32Array[] = []
  const waiting: Turn[] = []
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
        waiting.push({ signal, resolve, reject })
      })
    },
    give: slot => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        if (!next.signal?.aborted) return next.resolve(slot)
        next.reject(next.signal.reason)
      }
      free.push(slot)
    },
  }
}
