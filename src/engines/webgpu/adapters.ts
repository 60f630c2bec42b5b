/** The GPUs that Dawn finds here, by asking it in a process of its own: a driver that crashes does not take this one along. */
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { parseJson } from '../../base/json.js'
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
export type Adapter = z.output<typeof adapter>

let found: readonly Adapter[] | string | undefined

function look(): readonly Adapter[] | string {
  try {
    createRequire(import.meta.url).resolve('webgpu')
  } catch {
    return "the package webgpu is not installed; 'npm install webgpu' adds it"
  }
  try {
    const probe = fileURLToPath(new URL('./probe.js', import.meta.url))
    const text = execFileSync(process.execPath, [probe], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 30_000,
    })
    const { data = [] } = z.array(adapter).safeParse(parseJson(text))
    return data.length > 0 ? data : 'no GPU was found; its driver has to have Vulkan, Metal or Direct3D 12'
  } catch {
    return "looking for a GPU failed; its driver may be broken ('vulkaninfo' tells more on Linux)"
  }
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
