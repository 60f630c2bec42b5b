/** Loads the native addon, where it is built. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Precision } from '../engine.js'
import type { Plan } from './plan.js'

/** The addon's program: indices are those of the plan's values. Every promise rejects with words. */
export interface NativeProgram {
  compile(): Promise<void>
  /** Ends between two kernels once `stopped[0]` is not 0 any more. */
  run(inputs: readonly Float32Array[], outputs: readonly Float32Array[], stopped: Uint8Array): Promise<void>
  read(value: number, to: Float32Array): Promise<void>
  write(value: number, from: Float32Array): Promise<void>
  sharedBytes(): number
  /** What oneDNN chose for each of its primitives: 'kernel value: implementation'. */
  implementations(): readonly string[]
  /** That the first thread spent in each operation of the plan, over all runs; only while nothing runs. */
  seconds(): Float64Array
  dispose(): void
}

interface Addon {
  /** oneDNN's version. */
  readonly version: string
  /** Multiply-adds per second of a product of two large matrices: what the CPU can do at most. */
  productRate(precision: Precision, threads: number): Promise<number>
  readonly Program: new (plan: Plan) => NativeProgram
}

/** Where the build puts it: see scripts/build-native.mjs. */
export const addonPath = resolve(
  process.env.REGRAFT_BUILD ?? fileURLToPath(new URL('../../../build', import.meta.url)),
  'regraft_native.node',
)

let loaded: Addon | string | undefined

/** The addon, or in words why it is not there. */
export function nativeAddon(): Addon | string {
  loaded ??= load()
  return loaded
}

function load(): Addon | string {
  if (process.env.REGRAFT_NO_NATIVE) return 'switched off by REGRAFT_NO_NATIVE'
  if (!existsSync(addonPath))
    return "it is not built; 'npx regraft build-native' builds it where g++ and oneDNN (libdnnl-dev) are installed"
  // GNU's OpenMP reads this when it is loaded. By default its threads spin for milliseconds wherever they wait for each
  // other, which takes the cores from whatever else runs (decoding of images) and multiplies the time of a step.
  process.env.GOMP_SPINCOUNT ??= '10000'
  try {
    return createRequire(import.meta.url)(addonPath) as Addon
  } catch (error) {
    return `it cannot be loaded (${(error as Error).message}); 'npx regraft build-native' builds it anew`
  }
}
