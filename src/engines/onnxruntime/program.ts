/** A program on ONNX Runtime, from the outside: it runs in a process of its own. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { RegraftError } from '../../base/errors.js'
import {
  elements,
  type Graph,
  lookUp,
  type Node,
  planArena,
  type Role,
  type Value,
  valuesOf,
} from '../../graph/index.js'
import type { MemoryPlan, Program } from '../engine.js'
import type { Reply, Request, Setup } from './child.js'
import { weightTensor } from './export.js'
import { lower } from './lowering/index.js'
import { encodeModel } from './onnxProto.js'

const valueInfo = (graph: Graph, name: string) => ({ name, shape: lookUp(graph, name).shape })

/**
 * The step as an ONNX model. Persistent values are inputs, and their updates outputs; or they are constants, where
 * nothing updates them: then the runtime lays weights out for its kernels once, which makes inference several times faster.
 */
function stepModel(graph: Graph, constants: ReadonlyMap<string, Float32Array>, block: number): Uint8Array {
  // Where weights are constants the runtime fuses by itself, and better; its own fused operators would only be in the way.
  const writer = lower(graph, constants.size === 0, block)
  const given = valuesOf(graph, 'input', 'parameter', 'statistic', 'state').filter(({ name }) => !constants.has(name))
  const results = [...new Set([...graph.outputs, ...graph.updates.values()])]
  return encodeModel({
    name: graph.name,
    nodes: writer.nodes,
    initializers: [
      ...writer.constants.values(),
      ...[...constants].map(([name, values]) => weightTensor(graph, name, values)),
    ],
    inputs: given.map(({ name }) => valueInfo(graph, name)),
    outputs: results.map(name => valueInfo(graph, name)),
  })
}

/** Tells the channels of a block of the runtime's kernels: as many as it makes of four, if it has such kernels at all. */
const blockProbe = (): Setup => ({
  model: encodeModel({
    name: 'blocks',
    nodes: [{ type: 'com.microsoft.nchwc.ReorderInput', inputs: ['four'], outputs: ['block'], attributes: {} }],
    initializers: [],
    inputs: [{ name: 'four', shape: [1, 4, 1, 1] }],
    outputs: [{ name: 'block', shape: [1, 'channels', 1, 1] }],
  }),
  threads: 1,
  persistent: new Map(),
  inputs: new Map([['four', [1, 4, 1, 1]]]),
  outputs: ['block'],
  updates: new Map(),
})

/**
 * Bytes by purpose. The runtime allocates as it goes: intermediates are estimated by our own plan for the same graph, and
 * what it needs beside them by half of what that is where nothing is computed a second time, which saves nothing there.
 */
export function memoryOf(graph: Graph): MemoryPlan {
  const sum = (values: readonly Value[]) => values.reduce((total, { shape }) => total + 4 * elements(shape), 0)
  const bytes = (...roles: Role[]) => sum(valuesOf(graph, ...roles))
  const first = (name: string): string => graph.values.get(name)?.recomputes ?? name
  const nodes = graph.nodes
    .filter(({ outputs }) => first(outputs[0] as string) === outputs[0])
    .map(node => ({ ...node, inputs: node.inputs.map(first) }) as Node)
  const within = planArena(graph).bytes + Math.round(planArena({ ...graph, nodes }).bytes / 2)
  // What persists is computed beside what it replaces, however many images there are.
  const workspace = Math.min(within, sum([...graph.updates.values()].map(name => lookUp(graph, name))))
  return {
    parameters: bytes('parameter', 'statistic'),
    state: bytes('state'),
    activations: within - workspace,
    workspace,
  }
}

/**
 * glibc gives large blocks back to the system as soon as they are free, and a step would page them in again at every
 * run. Set for the process of the program, where nothing else is affected; other C libraries ignore it.
 */
const keepMemory = {
  MALLOC_MMAP_THRESHOLD_: '8589934592',
  MALLOC_TRIM_THRESHOLD_: '34359738368',
  MALLOC_TOP_PAD_: '67108864',
}

/** A process that programs are compiled in. */
export const startProcess = (): ChildProcess =>
  fork(fileURLToPath(new URL('./child.js', import.meta.url)), {
    serialization: 'advanced',
    execArgv: [],
    env: { ...process.env, ...keepMemory },
  })

type Question = Request extends infer R ? (R extends { id: number } ? Omit<R, 'id'> : never) : never

/**
 * Starts the process and compiles the graph in it. A process rather than a thread: ONNX Runtime's addon does not
 * survive the end of a worker thread, and running out of memory ends the step, not the program that asked for it.
 * @param blocks whether training may use the runtime's kernels on blocks of channels, where it has them
 * @param start gives the process, which is told to disconnect when the program is disposed of
 * @throws RegraftError('engine') where the runtime refuses the graph
 */
export async function startProgram(
  graph: Graph,
  threads: number,
  blocks = true,
  start = startProcess,
): Promise<Program> {
  const shapes = (...roles: Role[]) => new Map(valuesOf(graph, ...roles).map(({ name, shape }) => [name, shape]))
  const persistent = shapes('parameter', 'statistic', 'state')
  const inputs = shapes('input')
  const child = start()
  const waiting = new Map<number, { resolve: (reply: Reply) => void; reject: (error: Error) => void }>()
  let closed: RegraftError | undefined
  let next = 1
  const close = (error: RegraftError) => {
    closed ??= error
    for (const { reject } of waiting.values()) reject(closed)
    waiting.clear()
  }
  // An idle program keeps nobody's process alive.
  const idle = () => {
    child.unref()
    child.channel?.unref()
  }
  child.on('message', (reply: Reply) => {
    const request = waiting.get(reply.id)
    waiting.delete(reply.id)
    if (waiting.size === 0) idle()
    if ('error' in reply) request?.reject(new RegraftError('engine', `the ONNX Runtime engine failed: ${reply.error}`))
    else request?.resolve(reply)
  })
  child.on('error', error =>
    close(new RegraftError('engine', `the ONNX Runtime engine could not start (${error.message})`)),
  )
  child.on('exit', (code, signal) =>
    close(
      new RegraftError(
        'engine',
        `the ONNX Runtime engine's process ended (${signal ?? `code ${code}`})${signal === 'SIGKILL' ? ', most likely for want of memory; a smaller --batch-size needs less' : ''}`,
      ),
    ),
  )
  const ask = (question: Question): Promise<Reply> => {
    if (closed) return Promise.reject(closed)
    const id = next++
    child.ref()
    child.channel?.ref()
    return new Promise<Reply>((resolve, reject) => {
      waiting.set(id, { resolve, reject })
      child.send({ ...question, id }, error => {
        if (!error) return
        waiting.delete(id)
        reject(closed ?? new RegraftError('engine', `the ONNX Runtime engine cannot be reached (${error.message})`))
      })
    })
  }
  const check = (name: string, shape: readonly number[] | undefined, length?: number) => {
    if (!shape) throw new RegraftError('engine', `the graph has no value '${name}'`)
    if (length !== undefined && length !== elements(shape))
      throw new RegraftError('engine', `'${name}' takes ${elements(shape)} numbers ([${shape}]), got ${length}`)
  }
  /** Weights that no update changes are kept here, and become constants of the model at the next run. */
  const constants = new Map<string, Float32Array>()
  if (graph.updates.size === 0)
    for (const [name, shape] of persistent) constants.set(name, new Float32Array(elements(shape)))
  let stale = false
  let block = 1
  const compile = () => {
    const fed = new Map([...persistent].filter(([name]) => !constants.has(name)))
    const { outputs, updates } = graph
    const setup: Setup = {
      model: stepModel(graph, constants, block),
      threads,
      persistent: fed,
      inputs,
      outputs,
      updates,
    }
    return ask({ type: 'compile', setup })
  }
  const run = async (values: Readonly<Record<string, Float32Array>>) =>
    ((await ask({ type: 'run', inputs: values })) as Extract<Reply, { outputs: unknown }>).outputs
  try {
    if (blocks && constants.size === 0) {
      await ask({ type: 'compile', setup: blockProbe() })
      const made = (await run({ four: new Float32Array(4) })).block?.length ?? 4
      if (made > 4) block = made
    }
    await compile()
  } catch (error) {
    child.kill()
    throw error
  }
  return {
    memory: memoryOf(graph),
    run: async (given, signal) => {
      signal?.throwIfAborted()
      const wanted: Record<string, Float32Array> = {}
      for (const [name, shape] of inputs) {
        const values = given[name]
        if (!values) throw new RegraftError('engine', `the input '${name}' is missing`)
        check(name, shape, values.length)
        wanted[name] = own(values)
      }
      if (stale) {
        stale = false
        await compile()
      }
      const outputs = await run(wanted)
      signal?.throwIfAborted()
      return outputs
    },
    read: async name => {
      check(name, persistent.get(name))
      const constant = constants.get(name)
      if (constant) return constant.slice()
      return ((await ask({ type: 'read', name })) as Extract<Reply, { values: unknown }>).values
    },
    write: async (name, values) => {
      check(name, persistent.get(name), values.length)
      if (constants.has(name)) {
        constants.set(name, values.slice())
        stale = true
      } else await ask({ type: 'write', name, values: own(values) })
    },
    dispose: async () => {
      if (closed) return
      close(new RegraftError('engine', 'the program has been disposed of'))
      child.disconnect()
    },
  }
}

/** A message carries the whole buffer behind an array, and cannot carry shared memory: only what is meant is sent. */
const own = (values: Float32Array): Float32Array =>
  values.byteLength === values.buffer.byteLength && values.buffer instanceof ArrayBuffer ? values : values.slice()
