/// <reference types="@webgpu/types" />
/** Kernels as a device runs them: shaders with their bindings, compiled once for a device, all at the same time. */
import { RegraftError } from '../../base/errors.js'
import type { Kernel } from './kernels/kernel.js'
import type { Place, Plan } from './plan.js'

/** GPUShaderStage.COMPUTE, which Node has no global for. */
const compute = 4

/** The first of a device's lines; the others say in which of its own calls. */
export const inShort = (message: string) => message.trim().split('\n')[0] as string

export const failed = (message: string) => new RegraftError('engine', `the webgpu engine failed: ${message}`)

/** A kernel, ready to run. */
export interface Dispatch {
  readonly pipeline: GPUComputePipeline
  readonly group: GPUBindGroup
  readonly groups: readonly [number, number, number]
}

/** A kernel's whole code; values that stand in the same place are one variable. */
function shaderOf(kernel: Kernel, plan: Plan) {
  const places: Place[] = []
  const declared: string[] = []
  const variables = new Map<Place, string>()
  let { code } = kernel
  for (const { variable, value, type } of kernel.bound) {
    const place = plan.place(value)
    if (!place) throw new Error(`'${value}' has no place`)
    const same = variables.get(place)
    if (same !== undefined) {
      code = code.replace(new RegExp(`\\b${variable}\\[`, 'g'), `${same}[`)
      continue
    }
    variables.set(place, variable)
    declared.push(`@group(0) @binding(${places.length}) var<storage, read_write> ${variable}: array<${type}>;`)
    places.push(place)
  }
  const scalars = code.includes('step_[')
  if (scalars)
    declared.push(
      `@group(0) @binding(${places.length}) var<uniform> step_: array<vec4f, ${Math.ceil(plan.scalars.length / 4)}>;`,
    )
  const enabled = code.includes('subgroup') ? 'enable subgroups;\n' : ''
  return { code: `${enabled}${declared.join('\n')}\n${code}`, places, scalars }
}

interface Compiled {
  readonly layouts: Map<string, GPUBindGroupLayout>
  readonly pipelines: Map<string, Promise<GPUComputePipeline>>
}

/** What is compiled for a device serves all its programs: training and evaluation share most kernels. */
const compiled = new WeakMap<GPUDevice, Compiled>()

function compiledOn(device: GPUDevice): Compiled {
  const found = compiled.get(device) ?? { layouts: new Map(), pipelines: new Map() }
  compiled.set(device, found)
  return found
}

/**
 * All kernels of a plan, in order.
 * @param name of the device, for messages
 * @throws RegraftError('engine') with the compiler's words and the kernel where the device refuses one
 */
export async function dispatchesOf(
  device: GPUDevice,
  name: string,
  plan: Plan,
  pages: readonly GPUBuffer[],
  uniform: GPUBuffer,
): Promise<Dispatch[]> {
  const { layouts, pipelines } = compiledOn(device)
  const layoutOf = (storage: number, scalars: boolean) => {
    const key = `${storage} ${scalars}`
    const found = layouts.get(key)
    if (found) return found
    const entries = Array.from({ length: storage + (scalars ? 1 : 0) }, (_, binding) => ({
      binding,
      visibility: compute,
      buffer: { type: binding < storage ? ('storage' as const) : ('uniform' as const) },
    }))
    const layout = device.createBindGroupLayout({ entries })
    layouts.set(key, layout)
    return layout
  }
  const pipelineOf = (kernel: Kernel, code: string, layout: GPUBindGroupLayout) => {
    const found = pipelines.get(code)
    if (found) return found
    const module = device.createShaderModule({ code })
    const made = device
      .createComputePipelineAsync({
        layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: 'main' },
      })
      .catch(async (error: Error) => {
        pipelines.delete(code)
        const { messages } = await module.getCompilationInfo()
        const [first] = messages
        const words = first ? `${first.message} in '${code.split('\n')[first.lineNum - 1]?.trim()}'` : error.message
        throw failed(
          `the kernel ${kernel.name} does not compile on ${name} (${inShort(words)}); please report this line, and use another --engine until it is mended`,
        )
      })
    pipelines.set(code, made)
    return made
  }
  const begin = async (kernel: Kernel): Promise<Dispatch> => {
    const { code, places, scalars } = shaderOf(kernel, plan)
    const layout = layoutOf(places.length, scalars)
    const bound = places.map(({ page, offset, bytes }, binding) => ({
      binding,
      resource: { buffer: pages[page] as GPUBuffer, offset, size: bytes },
    }))
    const own = scalars ? [{ binding: places.length, resource: { buffer: uniform } }] : []
    const group = device.createBindGroup({ layout, entries: [...bound, ...own] })
    return { pipeline: await pipelineOf(kernel, code, layout), group, groups: kernel.groups }
  }
  // Scopes are a stack of the device: between the two calls nothing may wait, or those of another program mix with it
  device.pushErrorScope('validation')
  const begun = plan.kernels.map(begin)
  const invalid = device.popErrorScope()
  const dispatches = await Promise.all(begun)
  const error = await invalid
  if (error)
    throw failed(
      `${name}: ${inShort(error.message)}; please report this line, and use another --engine until it is mended`,
    )
  return dispatches
}
