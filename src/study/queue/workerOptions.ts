/** What a worker is told, and what it knows of a study that it works on. */
import type { Job, Worker } from 'bullmq'
import type { QueueAddress } from './connection.js'
import type { Card, Description } from './messages.js'
import type { Mount, StudyPlaces } from './places.js'
import type { TrialHost } from './trialHost.js'

export interface WorkerOptions {
  readonly address: QueueAddress
  readonly allow: readonly string[]
  readonly mounts: readonly Mount[]
  readonly concurrency: number
  /** Of a trial whose study names none. */
  readonly threads?: number | undefined
  readonly machine: Pick<Card, 'host' | 'cpu' | 'engines' | 'cores' | 'memory'>
  /** Seconds without a sign of life after which a trial is given to another worker. */
  readonly lock: number
  /** Seconds without progress after which a trial's process is ended. */
  readonly silence: number
  /** Seconds without work after which it ends. */
  readonly idle?: number | undefined
  readonly tell: (line: string) => void
  /** Hands its trials back and ends. */
  readonly signal: AbortSignal
  /** What trains; a process of its own by default. */
  readonly host?: () => TrialHost
}

export interface StudyAtWork {
  readonly description: Description
  readonly places: StudyPlaces
  /** It stands in the queue no more. */
  readonly gone: AbortSignal
  /** Of those trials that this worker has enough for. */
  readonly queues: readonly Worker<unknown, unknown>[]
  readonly close: () => Promise<void>
}
export type QueuedJob = Job<unknown, unknown>
