/** The GPUs that Dawn finds here, by asking it in a process of its own: a driver that crashes does not take this one along. */
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { parseJson } from '../../base/json.js'

const adapter = z.object({
  name: z.string(),
  software: z.boolean(),
  buffer: z.number().positive(),
  binding: z.number().positive(),
  storageBuffers: z.number(),
})
export type Adapter = z.output<typeof adapter>

let found: Adapter | string | undefined

function look(): Adapter | string {
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
    const parsed = adapter.safeParse(parseJson(text))
    return parsed.success ? parsed.data : 'no GPU was found; its driver has to have Vulkan, Metal or Direct3D 12'
  } catch {
    return "looking for a GPU failed; its driver may be broken ('vulkaninfo' tells more on Linux)"
  }
}

/** The adapter that programs run on, or why there is none. */
export function adapterHere(): Adapter | string {
  found ??= look()
  return found
}
