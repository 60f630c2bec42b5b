/** What a person reads when a GPU fails: too small for a value, lost in the middle, or with a compiler that refuses a kernel. */
import { describe, expect, it } from 'vitest'
import { forInference } from '../../graph/index.js'
import { networkGraph, networkNamed } from '../../models/index.js'
import { deviceClass } from './adapters.js'
import { requestAdapter, requestDevice } from './gpu.js'
import { support } from './here.testing.js'
import { planOf } from './plan.js'
import { startProgram } from './program.js'

const graph = forInference(networkGraph(networkNamed('resnet18-narrow'), { classes: 3, batch: 2, size: 32 }))
const limits = { device: 'software', subgroups: [], buffer: 2 ** 28, binding: 2 ** 27 } as const
const images = new Float32Array(2 * 3 * 32 * 32)

it('a value that is larger than a kernel may read is refused before the device is asked, with what to do', () => {
  expect(() => planOf(graph, { ...limits, binding: 2 ** 14 })).toThrow(
    /webgpu: '.+' takes .+ kB, and a kernel on this GPU reads 16.4 kB at most; a smaller --batch-size or --size/,
  )
})

it('adapters are told apart by what WebGPU says of them', () => {
  const adapter = { name: 'any', software: false, buffer: 2 ** 28, binding: 2 ** 27, storageBuffers: 8, subgroups: [] }
  const classes = [
    ['nvidia', 'hopper'],
    ['apple', 'metal-3'],
    ['intel', 'gen-12lp'],
    ['intel', 'xe-hpg'],
    ['qualcomm', 'adreno-7xx'],
  ].map(([vendor, architecture]) => deviceClass({ ...adapter, vendor: vendor!, architecture: architecture! }))
  expect(classes).toEqual(['discrete', 'discrete', 'integrated', 'discrete', 'integrated'])
  expect(deviceClass({ ...adapter, vendor: 'google', architecture: 'swiftshader', software: true })).toBe('software')
})

describe.skipIf(!support.ok)('a device', () => {
  const device = async () => {
    const { gpu, adapter } = await requestAdapter()
    return { gpu, device: await requestDevice(adapter as GPUAdapter) }
  }

  it('that is lost ends the run with words on how it goes on', async () => {
    const lost = await device()
    const program = await startProgram(lost.device, 'this GPU', graph, planOf(graph, limits))
    await program.run({ images })
    lost.device.destroy()
    const again = () => program.run({ images })
    await expect(again()).rejects.toThrow(
      /the device was lost .*regraft train --resume RUN.*this engine or another \(--engine\)/,
    )
    await expect(program.read('fc.weight')).rejects.toThrow(/the device was lost/)
    await program.dispose()
  })

  it('whose compiler refuses a kernel is named with the kernel and the line', async () => {
    const own = await device()
    const plan = planOf(graph, limits)
    const [first, ...rest] = plan.kernels
    const broken = { ...first!, code: `${first!.code}\nfn broken() { let a: f32 = true; }` }
    await expect(startProgram(own.device, 'this GPU', graph, { ...plan, kernels: [broken, ...rest] })).rejects.toThrow(
      /the kernel \w+ does not compile on this GPU \(.+fn broken.+\); please report this line/,
    )
    own.device.destroy()
  })
})
