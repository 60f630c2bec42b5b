/** What an operator is: a shape rule, a gradient, a cost and an exact reference, all in one place. */
import type { Shape } from './graph.js'
import type { AttributesOf, OperatorName } from './operators/attributes.js'

/** A tensor of the reference implementation, in double precision, row-major. */
export interface Tensor {
  readonly shape: Shape
  readonly data: Float64Array
}

/** What one run of a node costs. A multiply-add counts as two FLOPs; bytes are float32 read and written. */
export interface Cost {
  readonly flops: number
  readonly bytes: number
}

/** What a gradient rule appends its nodes with. */
export interface NodeBuilder {
  /** Appends a node; its outputs are named after `name`. Returns the names of the outputs. */
  node<Name extends OperatorName>(
    operatorName: Name,
    name: string,
    inputs: readonly string[],
    attributes: AttributesOf<Name>,
    outputSuffixes?: readonly string[],
  ): string[]
  /** As `node`, for the common case of one output. */
  one<Name extends OperatorName>(
    operatorName: Name,
    name: string,
    inputs: readonly string[],
    attributes: AttributesOf<Name>,
  ): string
  shape(name: string): Shape
}

/** What a gradient rule is given: names of the node's values, and of the gradient that arrives at its first output. */
export interface GradientContext<Name extends OperatorName> {
  readonly builder: NodeBuilder
  readonly attributes: AttributesOf<Name>
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly outputGradient: string
  /** Whether a gradient is wanted for the input at that position; unwanted ones cost nothing. */
  wants(input: number): boolean
}

export interface Operator<Name extends OperatorName> {
  /**
   * Output shapes for given input shapes (`undefined` for an absent optional input).
   * @throws Error where they do not fit together
   */
  shapes(inputs: readonly (Shape | undefined)[], attributes: AttributesOf<Name>): Shape[]
  /** Appends the nodes that compute the gradients of the inputs and returns their names, `undefined` where there is none. */
  gradient?(context: GradientContext<Name>): (string | undefined)[]
  /** Floating-point operations of one run; bytes follow from the shapes. */
  flops(inputs: readonly (Shape | undefined)[], outputs: readonly Shape[], attributes: AttributesOf<Name>): number
  /** Computes the outputs slowly and exactly: the truth that engines are tested against. */
  reference(inputs: readonly (Tensor | undefined)[], attributes: AttributesOf<Name>): Tensor[]
}

/** A new tensor of zeros. */
export const zeros = (shape: Shape): Tensor => ({
  shape,
  data: new Float64Array(shape.reduce((product, size) => product * size, 1)),
})

/** The input at a position, which the shape rule has shown to be there. */
export function required<T>(inputs: readonly (T | undefined)[], index: number): T {
  const value = inputs[index]
  if (value === undefined) throw new Error(`input ${index} is missing`)
  return value
}

/** A shape of four axes. */
export function imageShape(shape: Shape | undefined): readonly [number, number, number, number] {
  if (shape?.length !== 4) throw new Error(`expected [batch, channels, height, width], got [${shape ?? ''}]`)
  return shape as readonly [number, number, number, number]
}

/** A shape of two axes. */
export function matrixShape(shape: Shape | undefined): readonly [number, number] {
  if (shape?.length !== 2) throw new Error(`expected [rows, columns], got [${shape ?? ''}]`)
  return shape as readonly [number, number]
}

/** Throws unless both shapes are the same. */
export function expectSame(what: string, actual: Shape | undefined, expected: Shape): void {
  if (!actual || actual.length !== expected.length || actual.some((size, axis) => size !== expected[axis]))
    throw new Error(`${what} is [${actual ?? ''}], expected [${expected}]`)
}
