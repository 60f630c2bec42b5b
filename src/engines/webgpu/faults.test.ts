/** What a person reads when a GPU fails: too small for a value, lost in the middle, or with a compiler that refuses a kernel. */
import { describe, expect, it } from 'vitest'
import { randomStream } from '../../base/random.js'
import {
  elements,
  forInference,
  GraphBuilder,
  gradientStep,
  inferenceGraph,
  trainingStep,
  valuesOf,
} from '../../graph/index.js'
import { networkGraph, networkNamed } from '../../models/index.js'
import type { Program } from '../engine.js'
import { deviceClass } from './adapters.js'
import { requestAdapter, requestDevice } from './gpu.js'
import { support } from './here.testing.js'
import { webgpuEngine } from './index.js'
import { planOf } from './plan.js'
import { startProgram } from './program.js'

const graph = forInference(networkGraph(networkNamed('resnet18-narrow'), { classes: 3, batch: 2, size: 32 }))
const limits = { device: 'software', subgroups: [], buffer: 2 ** 28, binding: 2 ** 27, storageBuffers: 10 } as const
const images = new Float32Array(2 * 3 * 32 * 32)

it('a value that is larger than a kernel may read is refused before the device is asked, with what to do', () => {
  expect(() => planOf(graph, { ...limits, binding: 2 ** 14 })).toThrow(
    /webgpu: '.+' takes .+ kB, and a kernel on this GPU reads 16.4 kB at most; a smaller --batch-size or --size/,
  )
})

it('kernels with more values than a driver lets them have are refused, with what to do', () => {
  const step = trainingStep(networkGraph(networkNamed('resnet18-narrow'), { classes: 3, batch: 2, size: 32 }), {
    optimiser: { name: 'sgd', nesterov: false },
    groupOf: () => 'all',
  })
  expect(() => planOf(step, { ...limits, storageBuffers: 4 })).toThrow(
    /webgpu: the kernel \w+ has \d+ values, and this GPU's driver lets a kernel have 4; use another --engine/,
  )
})

it.each(['resnet50', 'mobilenet_v2'])('no kernel of a step has more values than every device allows: %s', network => {
  const forward = networkGraph(networkNamed(network), { classes: 9, batch: 2, size: 64 })
  const options = { groupOf: () => 'all', accumulate: true, clip: true, average: true }
  for (const storedStatistics of [false, true])
    for (const optimiser of [{ name: 'sgd', nesterov: true } as const, { name: 'adamW', eps: 1e-8 } as const])
      for (const binding of [2 ** 27, 2 ** 24]) {
        const step = trainingStep(forward, { ...options, optimiser, storedStatistics })
        expect(planOf(step, { ...limits, binding, storageBuffers: 8 }).kernels.length).toBeGreaterThan(100)
      }
})

it.each(['discrete', 'integrated', 'software'] as const)(
  'no batch asks for more workgroups along an axis than every device has: %s',
  device => {
    const { graph: step } = gradientStep(
      networkGraph(networkNamed('mobilenet_v2'), { classes: 9, batch: 700, size: 224 }),
    )
    const { kernels } = planOf(step, { ...limits, device, buffer: 2 ** 40, binding: 2 ** 40 })
    expect(Math.max(...kernels.flatMap(({ groups }) => groups))).toBeLessThanOrEqual(65535)
  },
)

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

  it('that refuses a submission ends the run with words, where it would give zeros', async () => {
    const own = await device()
    const plan = planOf(graph, limits)
    const [first, ...rest] = plan.kernels
    const wide = { ...first!, groups: [2 ** 20, 1, 1] as const }
    const program = await startProgram(own.device, 'this GPU', graph, { ...plan, kernels: [wide, ...rest] })
    await expect(program.run({ images })).rejects.toThrow(/webgpu engine failed: this GPU: .+; please report this line/)
    await program.dispose()
    own.device.destroy()
  })

  it('with too little memory says so, with what needs less', async () => {
    const own = await device()
    const plan = { ...planOf(graph, limits), pages: [2 ** 42] }
    await expect(startProgram(own.device, 'this GPU', graph, plan)).rejects.toThrow(
      /this GPU( has too little memory for this \(.+--memory|: .+)/,
    )
    own.device.destroy()
  })

  it('starts and runs several programs at once, one of which does not compile', async () => {
    const own = await device()
    const plan = planOf(graph, limits)
    const [first, ...rest] = plan.kernels
    const broken = {
      ...plan,
      kernels: [{ ...first!, code: `${first!.code}\nfn broken() { let a: f32 = 1u; }` }, ...rest],
    }
    const start = (one: typeof plan) => startProgram(own.device, 'this GPU', graph, one)
    const [a, refused, b] = await Promise.allSettled([start(plan), start(broken), start(plan)])
    expect(refused).toMatchObject({ status: 'rejected', reason: { message: expect.stringContaining('fn broken') } })
    const programs = [a, b].map(one => (one as PromiseFulfilledResult<Program>).value)
    const results = await Promise.all([...programs, ...programs].map(program => program.run({ images })))
    for (const { fc } of results) expect(fc).toEqual(results[0]!.fc)
    await Promise.all(programs.map(program => program.dispose()))
    own.device.destroy()
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

describe.skipIf(!support.ok).each(['relu', 'relu6'] as const)('numbers that are none', activation => {
  it(`reach the loss and the logits, past ${activation} and pools`, async () => {
    const b = new GraphBuilder('network')
    const parameter = (name: string, ...shape: number[]) => b.declare(name, 'parameter', shape)
    const conv = { stride: [1, 1], padding: [1, 1, 1, 1], activation: 'none' } as const
    let x = b.declare('images', 'input', [2, 3, 7, 5])
    x = b.one('conv2d', 'conv', [x, parameter('conv.weight', 4, 3, 3, 3)], { ...conv, groups: 1 })
    x = b.one(activation, 'first', [x], {})
    x = b.one('maxPool', 'max', [x], { kernel: [3, 3], stride: [2, 2], padding: [1, 1, 1, 1] })
    x = b.one('conv2d', 'deep', [x, parameter('deep.weight', 4, 1, 3, 3)], { ...conv, groups: 4 })
    x = b.one(activation, 'second', [x], {})
    x = b.one('globalAveragePool', 'pool', [x], {})
    const forward = b.build([b.one('linear', 'fc', [x, parameter('fc.weight', 3, 4), parameter('fc.bias', 3)], {})])
    const targets = Float32Array.of(1, 0, 0, 0, 1, 0)
    const pixels = new Float32Array(2 * 3 * 7 * 5).fill(0.5)
    for (const graph of [gradientStep(forward).graph, inferenceGraph(forward).graph]) {
      const program = await webgpuEngine.compile(graph)
      for (const { name, shape } of valuesOf(graph, 'parameter')) {
        const random = randomStream(5, name)
        await program.write(
          name,
          new Float32Array(elements(shape)).map(() => random.normal()),
        )
      }
      for (const bad of [0.5, Number.NaN]) {
        pixels[17] = bad
        const { loss, fc } = await program.run({ images: pixels, targets })
        if (loss) expect(Number.isNaN(loss[0])).toBe(Number.isNaN(bad))
        // Of the image that has it, and of no other
        const ofFirst = Number.isNaN(bad)
        expect([...fc!].map(Number.isNaN)).toEqual([ofFirst, ofFirst, ofFirst, false, false, false])
      }
      await program.dispose()
    }
  })
})
