/** A plan before its values have places: kernels in an order in which they can run, and what they work on. */
import type { Node } from '../../graph/index.js'
import type { Precision } from '../engine.js'

/** Row-major; in blocks of channels; or as the convolution that uses it wants its weights. */
export type Layout = 'plain' | 'blocked' | 'weights'

/** A value before it has a place. */
export interface DraftValue {
  readonly name: string
  readonly dims: readonly number[]
  readonly layout: Layout
  /** How its numbers are stored. */
  readonly precision: Precision
  readonly persistent: boolean
  /** Whether the first axis counts images, so that a strip can work on some of them. */
  readonly batched: boolean
  /** Whether it passes between operations of one strip only: then each thread has its own, for the images of a part. */
  readonly local: boolean
  /** The value that this one is computed a second time as. */
  readonly recomputes?: string | undefined
}

/** A kernel with the names of what it reads and writes; '' where absent. */
export interface Draft {
  readonly kernel: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly numbers: Readonly<Record<string, readonly number[]>>
}

/** In how many parts of how many images a strip runs, and whether each thread works on parts of its own. */
export interface Parts {
  readonly images: number
  /** In how many pieces an image's pixels are cut, each for a part of its own; 1 where parts are whole images. */
  readonly pieces: number
  readonly times: number
  readonly apart: boolean
}

/** Operations that run on `images` images, then on the next ones, `times` times. */
export interface DraftStrip extends Parts {
  readonly operations: readonly Draft[]
}

/** What does not count images runs once, on all threads. */
export const once: Parts = { images: 0, pieces: 1, times: 1, apart: false }

/** What a value is besides its name and its sides. */
type Declaration = Pick<DraftValue, 'layout'> & Partial<Omit<DraftValue, 'name' | 'dims' | 'layout' | 'local'>>

/** Kernels by oneDNN or own ones, and the values they work on, in an order in which they can run. */
export class Drafting {
  readonly values = new Map<string, DraftValue>()
  readonly operations: Draft[] = []

  /** @param precision how images are stored where nothing else is said */
  constructor(readonly precision: Precision) {}

  /** Adds a value and gives back its name. */
  declare(name: string, dims: readonly number[], declared: Declaration): string {
    const precision = declared.layout === 'blocked' ? this.precision : 'float32'
    this.values.set(name, { name, dims, precision, persistent: false, batched: false, local: false, ...declared })
    return name
  }

  emit(kernel: string, inputs: readonly string[], outputs: readonly string[], numbers: Draft['numbers'] = {}): void {
    this.operations.push({ kernel, inputs, outputs, numbers })
  }

  /** The sides of a value that is there. */
  dims(name: string): readonly number[] {
    return (this.values.get(name) as DraftValue).dims
  }
}

/** Activations as kernels are told them. */
export const activations = { none: 0, relu: 1, relu6: 2 } as const

/** Attributes as lists of numbers. */
export const numbersOf = ({ attributes }: Pick<Node, 'attributes'>): Record<string, readonly number[]> =>
  Object.fromEntries(
    Object.entries(attributes).map(([name, value]: [string, unknown]) => {
      if (name === 'activation') return [name, [activations[value as keyof typeof activations]]]
      return [name, Array.isArray(value) ? value : [Number(value)]]
    }),
  )
