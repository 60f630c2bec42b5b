/** A value as it is, but not before another one has been computed: what says in a graph that something is to wait. */
import { type Operator, required } from '../operator.js'

/** Inputs: x, and the value to wait for. Output: x. */
export const barrier: Operator<'barrier'> = {
  shapes: inputs => [required(inputs, 0)],
  flops: () => 0,
  reference: inputs => [required(inputs, 0)],
}
