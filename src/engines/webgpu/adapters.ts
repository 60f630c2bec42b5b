/** The GPUs that Dawn finds here, by asking it in a process of its own: a driver that crashes does not take this one along. */
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { parseJson } from '../../base/json.js'
import type { Subgroups } from './kernels/total.js'
import type { DeviceClass } from './tiles.js'

const adapter = z.object({
  name: z.string(),
  vendor: z.string(),
  architecture: z.string(),
  software: z.boolean(),
  buffer: z.number().positive(),
  binding: z.number().positive(),
  storageBuffers: z.number(),
})
export type Adapter = z.output<typeof adapter> & {
  /** Those that kernels sum by; none where that is not sound, was not found out, or is turned off. */
  readonly subgroups: Subgroups
}

let found: readonly Adapter[] | string | undefined

function look(): readonly Adapter[] | string {
  try {
    createRequire(import.meta.url).resolve('webgpu')
  } catch {
    return "the package webgpu is not installed; 'npm install webgpu' adds it"
  }
  const [found, sizes] = told()
  if (found === undefined)
    return "looking for a GPU failed; its driver may be broken ('vulkaninfo' tells more on Linux)"
  const { data = [] } = z.array(adapter).safeParse(parseJson(found))
  if (data.length === 0) return 'no GPU was found; its driver has to have Vulkan, Metal or Direct3D 12'
  const wanted = process.env.REGRAFT_SUBGROUPS !== 'none'
  const subgroups = (wanted && z.array(z.number()).safeParse(parseJson(sizes ?? '')).data) || []
  return data.map((one, i) => ({ ...one, subgroups: i === 0 ? subgroups : [] }))
}

/** The lines of the process that looks, also of one that did not come to its end: its first says all but subgroups. */
function told(): string[] {
  const probe = fileURLToPath(new URL('./probe.js', import.meta.url))
  const { stdout } = spawnSync(process.execPath, [probe], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 30_000,
  })
  return (stdout ?? '').split('\n').filter(Boolean)
}

/** The adapters that are here, the one that programs run on first, or why there is none. */
export function adaptersHere(): readonly Adapter[] | string {
  found ??= look()
  return found
}

/** The adapter that programs run on, or why there is none. */
export function adapterHere(): Adapter | string {
  const adapters = adaptersHere()
  return typeof adapters === 'string' ? adapters : (adapters[0] as Adapter)
}

/**
 * Which tiles suit an adapter. WebGPU says no more than vendor and architecture: Intel's are part of the CPU but for the
 * Arc series (architectures xe-…hpg), those of Qualcomm and Arm always; all others are taken for cards of their own.
 */
export function deviceClass({ software, vendor, architecture }: Adapter): DeviceClass {
  if (software) return 'software'
  const inCpu = (vendor === 'intel' && !architecture.includes('hpg')) || vendor === 'qualcomm' || vendor === 'arm'
  return inCpu ? 'integrated' : 'discrete'
}

/** Whether a GPU has memory of its own: a card does, but for Apple's, which share that of the machine. */
export const ownMemory = (adapter: Adapter): boolean =>
  deviceClass(adapter) === 'discrete' && adapter.vendor !== 'apple'
