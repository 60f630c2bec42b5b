/// <reference types="@webgpu/types" />
/** The engine on GPUs: WGSL kernels by way of Dawn, from the npm package webgpu, in float32. */
import { RegraftError } from '../../base/errors.js'
import type { Engine } from '../engine.js'
import { type Adapter, adapterHere, deviceClass, ownMemory } from './adapters.js'
import { requestAdapter, requestDevice } from './gpu.js'
import type { Subgroups } from './kernels/total.js'
import { type Limits, planOf } from './plan.js'
import { startProgram } from './program.js'

const limitsOf = (adapter: Adapter): Limits => ({
  device: deviceClass(adapter),
  subgroups: adapter.subgroups,
  buffer: adapter.buffer,
  binding: adapter.binding,
  storageBuffers: adapter.storageBuffers,
})

const sumsInWords = (subgroups: Subgroups): string =>
  subgroups.length > 0 ? `sums by subgroups of ${subgroups.join(' or ')}` : 'sums by shared memory'

/** What every device is asked for, so that memory can be told where there is none. */
const ordinary: Limits = {
  device: 'discrete',
  subgroups: [],
  buffer: 2 ** 31,
  binding: 2 ** 31 - 4,
  storageBuffers: 8,
}

let current: Promise<{ gpu: GPU; device: GPUDevice }> | undefined

/** The device that all programs share; another one after it was lost. */
async function sharedDevice(): Promise<GPUDevice> {
  current ??= requestAdapter().then(async ({ gpu, adapter }) => {
    if (!adapter) throw new RegraftError('engine', 'webgpu: no GPU was found')
    const device = await requestDevice(adapter).catch((error: Error) => {
      throw new RegraftError(
        'engine',
        `webgpu: the GPU could not be opened (${error.message}); other programs may hold it, or use another --engine`,
      )
    })
    void device.lost.then(() => {
      current = undefined
    })
    return { gpu, device }
  })
  try {
    return (await current).device
  } catch (error) {
    current = undefined
    throw error
  }
}

export const webgpuEngine: Engine = {
  name: 'webgpu',
  get library() {
    const adapter = adapterHere()
    if (typeof adapter === 'string') return 'WebGPU'
    return `WebGPU on ${adapter.name}, ${deviceClass(adapter)} tiles, ${sumsInWords(adapter.subgroups)}`
  },
  get besideMemory() {
    const adapter = adapterHere()
    return typeof adapter !== 'string' && ownMemory(adapter)
  },
  supports: (_, precision) => {
    if (precision !== 'float32') return { ok: false, reason: 'it computes in float32 only' }
    const adapter = adapterHere()
    return typeof adapter === 'string' ? { ok: false, reason: adapter } : { ok: true }
  },
  memory: graph => {
    const adapter = adapterHere()
    return planOf(graph, typeof adapter === 'string' ? ordinary : limitsOf(adapter)).memory
  },
  compile: async (graph, { precision = 'float32' } = {}) => {
    const support = webgpuEngine.supports(graph, precision)
    const adapter = adapterHere()
    if (!support.ok || typeof adapter === 'string')
      throw new RegraftError('engine', `webgpu: ${support.ok ? adapter : support.reason}`)
    return startProgram(await sharedDevice(), adapter.name, graph, planOf(graph, limitsOf(adapter)))
  },
}
