/** What a server measures of itself, for Prometheus. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export interface Measures {
  /** A request was answered. */
  answered(route: string, status: number, seconds: number): void
  /** The engine has run. */
  ran(images: number, seconds: number): void
  /** An image was classified or explained, or could not be read. */
  image(outcome: 'answered' | 'unreadable'): void
  /** In Prometheus' text format. */
  text(): Promise<string>
  readonly contentType: string
}

/** @param waiting requests that are worked on now */
export function createMeasures(waiting: () => number): Measures {
  const register = new Registry()
  const registers = [register]
  collectDefaultMetrics({ register })
  const requests = new Histogram({
    name: 'regraft_request_seconds',
    help: 'Seconds from a request to its answer.',
    labelNames: ['route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  })
  const images = new Counter({
    name: 'regraft_images_total',
    help: 'Images by what came of them.',
    labelNames: ['outcome'],
    registers,
  })
  const batches = new Histogram({
    name: 'regraft_batch_images',
    help: 'Images that share a run of the engine.',
    buckets: [1, 2, 4, 8, 16],
    registers,
  })
  const runs = new Histogram({
    name: 'regraft_batch_seconds',
    help: 'Seconds of a run of the engine.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers,
  })
  new Gauge({
    name: 'regraft_waiting_requests',
    help: 'Requests that are worked on.',
    registers,
    collect() {
      this.set(waiting())
    },
  })
  return {
    answered: (route, status, seconds) => requests.observe({ route, status }, seconds),
    ran: (count, seconds) => {
      batches.observe(count)
      runs.observe(seconds)
    },
    image: outcome => images.inc({ outcome }),
    text: () => register.metrics(),
    contentType: register.contentType,
  }
}
