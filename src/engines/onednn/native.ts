/** What the native engine uses of the native addon. */
import { loadAddon } from '../../base/addon.js'
import type { Precision } from '../engine.js'
import type { Plan } from './planned.js'

/** The addon's program: indices are those of the plan's values. Every promise rejects with words. */
export interface NativeProgram {
  compile(): Promise<void>
  /** Ends between two kernels once `stopped[0]` is not 0 any more. */
  run(inputs: readonly Float32Array[], outputs: readonly Float32Array[], stopped: Uint8Array): Promise<void>
  read(value: number, to: Float32Array): Promise<void>
  write(value: number, from: Float32Array): Promise<void>
  sharedBytes(): number
  /** What oneDNN chose for each operation of the plan; '' for own kernels. */
  implementations(): readonly string[]
  /** That the first thread spent in each operation of the plan, over all runs; only while nothing runs. */
  seconds(): Float64Array
  dispose(): void
}

export interface Addon {
  /** oneDNN's version. */
  readonly version: string
  /** Channels that stand together in memory: as many as a register of the CPU it was built for holds. */
  readonly channelBlock: number
  /** Whose products of tiles of bfloat16 there are: the CPU's (AMX), those in plain C++, which tests ask for, or '': none. */
  readonly tiles: 'amx' | 'portable' | ''
  /** Why there are none, in words. */
  readonly lacksTiles: string
  /** Multiply-adds per second of a product of two large matrices: what the CPU can do at most. */
  productRate(precision: Precision, threads: number): Promise<number>
  readonly Program: new (plan: Plan) => NativeProgram
}

/** Channels in whole blocks; a plan that is made where there is no addon has the largest. */
export function padded(channels: number): number {
  const addon = nativeAddon()
  const block = typeof addon === 'string' ? 16 : addon.channelBlock
  return Math.ceil(channels / block) * block
}

/** Whether products of tiles of bfloat16 can be had. */
export function hasTiles(): boolean {
  const addon = nativeAddon()
  return typeof addon !== 'string' && addon.tiles !== ''
}

/** The addon, or in words why it is not there. */
export const nativeAddon = (): Addon | string => loadAddon() as Addon | string
