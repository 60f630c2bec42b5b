/// <reference types="@webgpu/types" />
/** A program on a device: buffers and pipelines made once, then one submission a run. Knows nothing of Node. */
import { RegraftError } from '../../base/errors.js'
import { elements, type Graph, lookUp, valuesOf } from '../../graph/index.js'
import type { Inputs, Outputs, Program } from '../engine.js'
import { dispatchesOf, failed, inShort } from './pipelines.js'
import type { Place, Plan } from './plan.js'

/** GPUBufferUsage and GPUMapMode, which Node has no globals for. */
const usage = { mapRead: 1, mapWrite: 2, copySource: 4, copyTarget: 8, uniform: 64, storage: 128 }
const mode = { read: 1, write: 2 }

/**
 * What a run passes to the device and gets back. There are two: while the device computes one run, the inputs of the
 * next are written.
 */
interface Slot {
  /** By input; mapped while the slot is free. */
  readonly staging: ReadonlyMap<string, GPUBuffer>
  readonly back: GPUBuffer
  /** Settles when the run that has it is done; never rejects. */
  free: Promise<unknown>
}

/** Makes a program of a plan. @throws RegraftError('engine') with the device's words where it refuses one of its parts */
export async function startProgram(device: GPUDevice, name: string, graph: Graph, plan: Plan): Promise<Program> {
  let lost: RegraftError | undefined
  void device.lost.then(({ message }) => {
    lost ??= failed(
      `the device was lost (${message || 'no reason given'}); a run goes on from its checkpoint with 'regraft train --resume RUN', on this engine or another (--engine)`,
    )
  })
  const made: GPUBuffer[] = []
  const buffer = (size: number, flags: number) => {
    const one = device.createBuffer({ size: 16 * Math.ceil(Math.max(size, 16) / 16), usage: flags })
    made.push(one)
    return one
  }
  const free = () => {
    for (const one of made) one.destroy()
  }
  const inputs = valuesOf(graph, 'input')
  const results = new Map<string, number>()
  let resultBytes = 0
  for (const output of graph.outputs) {
    results.set(output, resultBytes)
    resultBytes += 16 * Math.ceil(elements(lookUp(graph, output).shape) / 4)
  }
  // Scopes are a stack of the device: until they are taken off it nothing may wait
  device.pushErrorScope('validation')
  device.pushErrorScope('out-of-memory')
  const pages = plan.pages.map(size => buffer(size, usage.storage | usage.copySource | usage.copyTarget))
  const scalars = buffer(4 * plan.scalars.length, usage.uniform | usage.copyTarget)
  const slots = [0, 1].map((): Slot => {
    const staged = inputs.flatMap(({ name: input }) => {
      const place = plan.place(input)
      return place ? [[input, buffer(place.bytes, usage.mapWrite | usage.copySource)] as const] : []
    })
    const back = buffer(resultBytes, usage.mapRead | usage.copyTarget)
    return { staging: new Map(staged), back, free: Promise.resolve() }
  })
  const scopes = [device.popErrorScope(), device.popErrorScope()]
  const [tooMuch, invalid] = await Promise.all(scopes.map(scope => scope.catch(() => null)))
  if (tooMuch || invalid) {
    free()
    throw tooMuch
      ? failed(
          `${name} has too little memory for this (${inShort(tooMuch.message)}); a smaller --batch-size needs less, and --memory makes a step compute activations again that do not fit`,
        )
      : failed(`${name}: ${inShort(invalid?.message ?? '')}`)
  }
  const dispatches = await dispatchesOf(device, name, plan, pages, scalars).catch(error => {
    free()
    throw lost ?? error
  })

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
  /** Maps a buffer, or says in words why that cannot be. */
  const map = async (one: GPUBuffer, how: number): Promise<void> => {
    try {
      await one.mapAsync(how)
    } catch (error) {
      // The promise of a lost device may come a moment later.
      await Promise.race([device.lost, new Promise(resolve => setTimeout(resolve, 50))])
      throw lost ?? failed(inShort((error as Error).message))
    }
  }
  /** The numbers at the beginning of each part of a buffer that can be mapped. */
  const mapped = async <T>(from: GPUBuffer, take: (bytes: ArrayBuffer) => T): Promise<T> => {
    await map(from, mode.read)
    const result = take(from.getMappedRange())
    from.unmap()
    return result
  }
  const mapStaging = ({ staging }: Slot) => Promise.all([...staging.values()].map(one => map(one, mode.write)))
  for (const slot of slots) slot.free = mapStaging(slot).catch(() => {})

  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = turn.then(work)
    turn = result.catch(() => {})
    return result
  }
  /** Hands commands to the device; what comes of it rejects where it refuses them. */
  const submit = (encode: (encoder: GPUCommandEncoder) => void): Promise<void> => {
    device.pushErrorScope('validation')
    const encoder = device.createCommandEncoder()
    encode(encoder)
    device.queue.submit([encoder.finish()])
    return device.popErrorScope().then(
      error => {
        if (error) throw failed(`${name}: ${inShort(error.message)}; please report this line`)
      },
      // Of a lost device there is none; mapping says so
      () => {},
    )
  }
  const outputsOf = (bytes: ArrayBuffer): Outputs =>
    Object.fromEntries([...results].map(([o, at]) => [o, new Float32Array(bytes.slice(at, at + 4 * length(o)))]))
  let next = 0
  const begin = async (given: Inputs, signal?: AbortSignal) => {
    alive()
    signal?.throwIfAborted()
    for (const { name: input } of inputs) {
      const values = given[input]
      if (!values) throw new RegraftError('engine', `the input '${input}' is missing`)
      check(input, values.length)
    }
    return inTurn(async () => {
      const slot = slots[next] as Slot
      next = 1 - next
      await slot.free
      alive()
      for (const [input, staging] of slot.staging) {
        new Float32Array(staging.getMappedRange()).set(given[input] as Float32Array)
        staging.unmap()
      }
      if (plan.scalars.length > 0)
        device.queue.writeBuffer(
          scalars,
          0,
          Float32Array.from(plan.scalars, scalar => given[scalar]![0]!),
        )
      const accepted = submit(encoder => {
        for (const [input, staging] of slot.staging) {
          const { page, offset, bytes } = plan.place(input) as Place
          encoder.copyBufferToBuffer(staging, 0, pages[page] as GPUBuffer, offset, bytes)
        }
        const pass = encoder.beginComputePass()
        for (const { pipeline, group, groups } of dispatches) {
          pass.setPipeline(pipeline)
          pass.setBindGroup(0, group)
          pass.dispatchWorkgroups(...groups)
        }
        pass.end()
        for (const [output, at] of results) {
          const { page, offset, bytes } = plan.place(output) as Place
          encoder.copyBufferToBuffer(pages[page] as GPUBuffer, offset, slot.back, at, bytes)
        }
      })
      const outputs = Promise.all([mapped(slot.back, outputsOf), accepted]).then(([values]) => {
        signal?.throwIfAborted()
        return values
      })
      slot.free = Promise.allSettled([outputs, mapStaging(slot)])
      return { outputs }
    })
  }
  return {
    memory: plan.memory,
    begin,
    run: async (given, signal) => (await begin(given, signal)).outputs,
    read: async value => {
      const { page, offset, bytes } = known(value)
      return inTurn(async () => {
        alive()
        const copy = device.createBuffer({ size: bytes, usage: usage.mapRead | usage.copyTarget })
        try {
          const accepted = submit(encoder => {
            encoder.copyBufferToBuffer(pages[page] as GPUBuffer, offset, copy, 0, bytes)
          })
          const take = (all: ArrayBuffer) => new Float32Array(all.slice(0, 4 * length(value)))
          const [values] = await Promise.all([mapped(copy, take), accepted])
          return values
        } finally {
          copy.destroy()
        }
      })
    },
    write: async (value, values) => {
      const { page, offset } = known(value)
      check(value, values.length)
      await inTurn(async () => {
        alive()
        // A device does not read shared memory.
        const own = values.buffer instanceof ArrayBuffer ? values : values.slice()
        device.queue.writeBuffer(pages[page] as GPUBuffer, offset, own as Float32Array<ArrayBuffer>)
      })
    },
    dispose: async () => {
      if (disposed) return
      disposed = true
      await turn
      await Promise.all(slots.map(slot => slot.free))
      free()
    },
  }
}
