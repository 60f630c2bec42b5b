/** What is measured: a network, a task, a batch, and how it is computed. */

/**
 * `step` and `inference` on one batch that stands in memory; `pipeline`: images read, decoded, cropped, mirrored and
 * normalised; `epoch`: training steps on what the pipeline gives.
 */
export type Task = 'step' | 'inference' | 'pipeline' | 'epoch'

export interface Setting {
  readonly network: string
  readonly task: Task
  readonly batch: number
  readonly size: number
  readonly threads: number
  readonly precision: 'float32' | 'bfloat16'
  /** Folder of class folders for `pipeline` and `epoch`. */
  readonly data: string
}
