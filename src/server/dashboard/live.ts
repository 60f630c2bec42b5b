/** Server-sent events: what becomes of runs while they train, whoever started them. */
import type { Context } from 'hono'
import { streamSSE } from 'hono/streaming'
import { point } from './lines.js'
import type { LiveRun } from './messages.js'
import { type RunStore, stateOf } from './runStore.js'

/** Milliseconds between looks at the files, runs that one stream follows, and streams at a time. */
const [INTERVAL, MOST_RUNS, MOST_STREAMS] = [1000, 50, 32]

/** Looks of all streams at the same run within an interval are one: the store keeps what has not changed. */
export function createLive(store: RunStore) {
  let streams = 0
  let ended = false
  const stream = (context: Context) => {
    const ids = (context.req.queries('run') ?? []).slice(0, MOST_RUNS)
    // Nobody would read the stream, and nothing would end it
    if (context.req.method === 'HEAD') return context.body(null, 200, { 'Content-Type': 'text/event-stream' })
    if (streams >= MOST_STREAMS) return context.json({ error: 'too many pages follow runs; close some' }, 503)
    streams++
    return streamSSE(context, async events => {
      const sent = new Map<string, string>()
      let open = true
      events.onAbort(() => {
        open = false
      })
      try {
        while (open && !ended) {
          for (const id of ids) {
            const summary = await store.run(id).catch(() => undefined)
            if (!summary) continue
            const { state } = await stateOf(summary)
            const stamp = `${state}${summary.history.length}${summary.result ? 1 : 0}`
            if (sent.get(id) === stamp) continue
            sent.set(id, stamp)
            const live: LiveRun = { run: id, state, history: summary.history.map(point) }
            await events.writeSSE({ event: 'run', data: JSON.stringify(live) })
          }
          await events.sleep(INTERVAL)
        }
      } finally {
        streams--
      }
    })
  }
  return {
    stream,
    end: () => {
      ended = true
    },
  }
}
