/** What is measured: a network, a task, a batch, and how it is computed. */
export interface Setting {
  readonly network: string
  readonly task: 'step' | 'inference'
  readonly batch: number
  readonly size: number
  readonly threads: number
  readonly precision: 'float32' | 'bfloat16'
}
