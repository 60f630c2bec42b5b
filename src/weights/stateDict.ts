/** A state dict: named tensors as a file holds them, with floats of every kind as float32. */

export interface StateTensor {
  readonly shape: readonly number[]
  readonly values: Float32Array
  /** Whether the file holds whole numbers, as counters are. */
  readonly integer?: boolean
}

/** Entries in the order of the file. */
export type StateDict = ReadonlyMap<string, StateTensor>

/** Tensors together with the text that a file says of itself. */
export interface Weights {
  readonly tensors: StateDict
  readonly metadata: Readonly<Record<string, string>>
}
