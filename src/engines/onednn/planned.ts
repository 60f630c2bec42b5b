/** A plan as the addon takes it: every value has its place, operations are in order, and both are known by their index. */
import type { DraftValue, Parts } from './draft.js'

export interface PlannedValue extends DraftValue {
  readonly bytes: number
  /** Into the arena; persistent values have memory of their own. Of a local one, the first thread's. */
  readonly offset: number
}

/** A kernel with what it reads and writes: indices of values, -1 where absent. It may stand for several nodes. */
export interface PlannedOperation {
  readonly kernel: string
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
  readonly numbers: Readonly<Record<string, readonly number[]>>
}

/** Operations [first, end) that run on `images` images, or one of the `pieces` of an image, then on the next, `times` times. */
export interface PlannedStrip extends Parts {
  readonly first: number
  readonly end: number
}

export interface Plan {
  readonly values: readonly PlannedValue[]
  readonly operations: readonly PlannedOperation[]
  readonly strips: readonly PlannedStrip[]
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
  readonly arenaBytes: number
  /** From one thread's local values to the next one's. */
  readonly threadBytes: number
  readonly threads: number
}
