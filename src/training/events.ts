/** What a run tells while it goes on; how it is shown is somebody else's business. */
import type { EpochRecord } from './runFolder.js'

/** Long work that can be counted. `total` is unknown for a download without a length. */
export interface Progress {
  readonly type: 'progress'
  readonly task:
    | 'archive'
    | 'weights'
    | 'images'
    | 'duplicates'
    | 'pairs'
    | 'features'
    | 'training'
    | 'validation'
    | 'statistics'
    | 'test'
  readonly done: number
  readonly total: number | undefined
  readonly unit: 'image' | 'pair' | 'byte'
  /** From 1; training and validation only. */
  readonly epoch?: number
}

/** What a run tells: how far its work is, what it decided, and each epoch as it ends. */
export type TrainingEvent =
  | Progress
  /** Known before the first step: bytes of the training program, and whether it starts from images or from features. */
  | {
      readonly type: 'plan'
      /** The run folder. */
      readonly run: string
      readonly engine: string
      readonly bytes: number
      readonly trainedFrom: string
      readonly images: { readonly train: number; readonly validation: number; readonly test: number }
    }
  | { readonly type: 'warning'; readonly message: string }
  /** Something that was decided, and may surprise. */
  | { readonly type: 'note'; readonly message: string }
  /** `remaining` is the time for the epochs that are left, in seconds. */
  | {
      readonly type: 'epoch'
      readonly record: EpochRecord
      readonly epochs: number
      readonly best: boolean
      readonly remaining: number
    }

/** Hears the events of a run. */
export type Listener = (event: TrainingEvent) => void
