/// <reference types="@webgpu/types" />
/** A program on a device: buffers and pipelines made once, then one submission a run. Knows nothing of Node. */
import { RegraftError } from '../../base/errors.js'
import { elements, type Graph, lookUp, valuesOf } from '../../graph/index.js'
import type { Program } from '../engine.js'
import type { Kernel } from './kernels/kernel.js'
import type { Place, Plan } from './plan.js'

/** GPUBufferUsage, GPUMapMode and GPUShaderStage, which Node has no globals for. */
const usage = { mapRead: 1, copySource: 4, copyTarget: 8, uniform: 64, storage: 128 }
const mapRead = 1
const compute = 4

const failed = (message: string) => new RegraftError('engine', `the webgpu engine failed: ${message}`)

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

/** Makes a program of a plan. @throws RegraftError('engine') with the device's words where it refuses one of its parts */
export async function startProgram(device: GPUDevice, name: string, graph: Graph, plan: Plan): Promise<Program> {
  let lost: RegraftError | undefined
  void device.lost.then(({ message }) => {
    lost ??= failed(
      `the device was lost (${message || 'no reason given'}); a run goes on from its checkpoint with 'regraft train --resume RUN', on this engine or another (--engine)`,
    )
  })
  device.pushErrorScope('validation')
  device.pushErrorScope('out-of-memory')
  const buffer = (size: number, flags: number) =>
    device.createBuffer({ size: 16 * Math.ceil(Math.max(size, 16) / 16), usage: flags })
  const pages = plan.pages.map(size => buffer(size, usage.storage | usage.copySource | usage.copyTarget))
  const scalars = buffer(4 * plan.scalars.length, usage.uniform | usage.copyTarget)
  const results = new Map<string, number>()
  let resultBytes = 0
  for (const output of graph.outputs) {
    results.set(output, resultBytes)
    resultBytes += 16 * Math.ceil(elements(lookUp(graph, output).shape) / 4)
  }
  const back = buffer(resultBytes, usage.mapRead | usage.copyTarget)
  const free = () => {
    for (const one of [...pages, scalars, back]) one.destroy()
  }
  const tooMuch = await device.popErrorScope()
  if (tooMuch) {
    await device.popErrorScope()
    free()
    throw failed(`${name} has too little memory for this (${tooMuch.message}); a smaller --batch-size needs less`)
  }

  const { layouts, pipelines } = compiledOn(device)
  const layoutOf = (storage: number, uniform: boolean) => {
    const key = `${storage} ${uniform}`
    const found = layouts.get(key)
    if (found) return found
    const entries = Array.from({ length: storage + (uniform ? 1 : 0) }, (_, binding) => ({
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
        const { messages } = await module.getCompilationInfo()
        const [first] = messages
        pipelines.delete(code)
        const words = first ? `${first.message} in '${code.split('\n')[first.lineNum - 1]?.trim()}'` : error.message
        throw failed(
          `the kernel ${kernel.name} does not compile on ${name} (${words.trim()}); please report this line, and use another --engine until it is mended`,
        )
      })
    pipelines.set(code, made)
    return made
  }
  const dispatches = await Promise.all(
    plan.kernels.map(async kernel => {
      const { code, places, scalars: reads } = shaderOf(kernel, plan)
      const layout = layoutOf(places.length, reads)
      const bound = places.map(({ page, offset, bytes }, binding) => ({
        binding,
        resource: { buffer: pages[page] as GPUBuffer, offset, size: bytes },
      }))
      const uniform = reads ? [{ binding: places.length, resource: { buffer: scalars } }] : []
      const group = device.createBindGroup({ layout, entries: [...bound, ...uniform] })
      return { pipeline: await pipelineOf(kernel, code, layout), group, groups: kernel.groups }
    }),
  ).catch(async error => {
    await device.popErrorScope()
    free()
    throw error
  })
  const invalid = await device.popErrorScope()
  if (invalid) {
    free()
    throw failed(`${name}: ${invalid.message}`)
  }

  const inputs = valuesOf(graph, 'input')
  const persistent = new Set(valuesOf(graph, 'parameter', 'statistic', 'state').map(value => value.name))
  const length = (value: string) => elements(lookUp(graph, value).shape)
  let disposed = false
  const alive = () => {
    if (disposed) throw new RegraftError('engine', 'the program has been disposed of')
    if (lost) throw lost
  }
  const check = (value: string, given: number) => {
    if (given !== length(value))
      throw new RegraftError(
        'engine',
        `'${value}' takes ${length(value)} numbers ([${lookUp(graph, value).shape}]), got ${given}`,
      )
  }
  const known = (value: string): Place => {
    alive()
    if (!persistent.has(value)) throw new RegraftError('engine', `the graph has no value '${value}' that persists`)
    return plan.place(value) as Place
  }
  const upload = ({ page, offset }: Place, values: Float32Array) => {
    // A device does not read shared memory.
    const own = values.buffer instanceof ArrayBuffer ? values : values.slice()
    device.queue.writeBuffer(pages[page] as GPUBuffer, offset, own as Float32Array<ArrayBuffer>)
  }
  /** The numbers at the beginning of each part of a buffer that can be mapped. */
  const mapped = async <T>(from: GPUBuffer, take: (bytes: ArrayBuffer) => T): Promise<T> => {
    try {
      await from.mapAsync(mapRead)
    } catch (error) {
      // The promise of a lost device may come a moment later.
      await Promise.race([device.lost, new Promise(resolve => setTimeout(resolve, 50))])
      alive()
      throw failed((error as Error).message)
    }
    const result = take(from.getMappedRange())
    from.unmap()
    return result
  }
  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = turn.then(work)
    turn = result.catch(() => {})
    return result
  }
  return {
    memory: plan.memory,
    run: async (given, signal) => {
      alive()
      signal?.throwIfAborted()
      for (const { name: input } of inputs) {
        const values = given[input]
        if (!values) throw new RegraftError('engine', `the input '${input}' is missing`)
        check(input, values.length)
      }
      return inTurn(async () => {
        alive()
        for (const { name: input } of inputs) {
          const place = plan.place(input)
          if (place) upload(place, given[input] as Float32Array)
        }
        if (plan.scalars.length > 0)
          device.queue.writeBuffer(
            scalars,
            0,
            Float32Array.from(plan.scalars, scalar => given[scalar]![0]!),
          )
        const encoder = device.createCommandEncoder()
        const pass = encoder.beginComputePass()
        for (const { pipeline, group, groups } of dispatches) {
          pass.setPipeline(pipeline)
          pass.setBindGroup(0, group)
          pass.dispatchWorkgroups(...groups)
        }
        pass.end()
        for (const [output, at] of results) {
          const { page, offset, bytes } = plan.place(output) as Place
          encoder.copyBufferToBuffer(pages[page] as GPUBuffer, offset, back, at, bytes)
        }
        device.queue.submit([encoder.finish()])
        const outputs = await mapped(back, bytes =>
          Object.fromEntries([...results].map(([o, at]) => [o, new Float32Array(bytes.slice(at, at + 4 * length(o)))])),
        )
        signal?.throwIfAborted()
        return outputs
      })
    },
    read: async value => {
      const { page, offset, bytes } = known(value)
      return inTurn(async () => {
        alive()
        const copy = buffer(bytes, usage.mapRead | usage.copyTarget)
        const encoder = device.createCommandEncoder()
        encoder.copyBufferToBuffer(pages[page] as GPUBuffer, offset, copy, 0, bytes)
        device.queue.submit([encoder.finish()])
        const values = await mapped(copy, all => new Float32Array(all.slice(0, 4 * length(value))))
        copy.destroy()
        return values
      })
    },
    write: async (value, values) => {
      const place = known(value)
      check(value, values.length)
      await inTurn(async () => upload(place, values))
    },
    dispose: async () => {
      if (disposed) return
      disposed = true
      await turn
      free()
    },
  }
}
