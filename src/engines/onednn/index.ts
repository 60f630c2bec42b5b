/** The native engine: oneDNN's kernels and own ones, in a static plan, in float32 or bfloat16, on x86-64. */
import { bytes } from '../../base/bytes.js'
import { RegraftError } from '../../base/errors.js'
import { cpuFeatures, freeMemory, usableCores } from '../../base/machine.js'
import { elements, type Graph, lookUp, valuesOf } from '../../graph/index.js'
import { type Engine, type MemoryPlan, type Precision, type Program, totalBytes } from '../engine.js'
import { wouldFit } from '../wouldFit.js'
import { lacksBfloat16 } from './bfloat16.js'
import { checkKernels } from './kernels.js'
import { type Addon, nativeAddon } from './native.js'
import { planOf } from './plan.js'
import type { Plan } from './planned.js'
import { cacheBytes } from './strips.js'
import { transformedBytes } from './winograd.js'

/** What multiplies bfloat16 by tiles; nothing is said where the CPU could not. */
function tilesInWords({ tiles, lacksTiles }: Addon): string {
  if (tiles === 'amx') return ', AMX for bfloat16'
  if (tiles === 'portable') return ', tiles in plain C++'
  return cpuFeatures().includes('amx_bf16') ? `, without AMX: ${lacksTiles}` : ''
}

/** Bytes by purpose. */
function memoryOf(graph: Graph, plan: Plan, workspace: number): MemoryPlan {
  const states = new Set(valuesOf(graph, 'state').map(({ name }) => name))
  const persistent = plan.values.filter(value => value.persistent)
  const sum = (values: typeof persistent) => values.reduce((total, { bytes }) => total + bytes, 0)
  return {
    parameters: sum(persistent.filter(({ name }) => !states.has(name))),
    state: sum(persistent.filter(({ name }) => states.has(name))),
    activations: plan.arenaBytes,
    workspace,
  }
}

/** Bytes of weights in other forms; what else kernels need is known once oneDNN has chosen its implementations. */
function copiedBytes(plan: Plan, precision: Precision): number {
  if (precision === 'float32') return transformedBytes(plan)
  // Each convolution keeps a copy of its own in bfloat16, of half the size.
  const readers = plan.operations.filter(
    ({ kernel, numbers }) => (kernel === 'conv2d' || kernel === 'conv2dInputGradient') && !numbers.winograd,
  )
  const copies = readers.map(({ inputs }) => plan.values[inputs[1] as number]!.bytes / 2)
  return copies.reduce((sum, bytes) => sum + bytes, 0) + transformedBytes(plan)
}

/** @throws RegraftError('engine') where the plan needs more memory than this process may have */
function checkFits(graph: Graph, memory: MemoryPlan): void {
  const needed = totalBytes(memory)
  const free = freeMemory()
  const budget = 0.95 * free
  if (needed > budget)
    throw new RegraftError(
      'engine',
      `this needs ${bytes(needed)} of memory and ${bytes(free)} are free; ${wouldFit(graph, memory, budget)}`,
    )
}

/** Whether bfloat16 has instructions here. */
export const computesBfloat16 = (): boolean => lacksBfloat16() === undefined

export const onednnEngine: Engine = {
  name: 'onednn',
  get library() {
    const addon = nativeAddon()
    if (typeof addon === 'string') return 'oneDNN'
    return `oneDNN ${addon.version} in blocks of ${addon.channelBlock} channels${tilesInWords(addon)}`
  },
  supports: (_, precision) => {
    const addon = nativeAddon()
    const reason = typeof addon === 'string' ? addon : precision === 'bfloat16' ? lacksBfloat16() : undefined
    return reason === undefined ? { ok: true } : { ok: false, reason }
  },
  memory: (graph, { precision = 'float32', threads = usableCores() } = {}) => {
    const plan = planOf(graph, threads, cacheBytes, precision)
    return memoryOf(graph, plan, copiedBytes(plan, precision))
  },
  compile: async (graph, { precision = 'float32', threads = usableCores() } = {}): Promise<Program> => {
    const support = onednnEngine.supports(graph, precision)
    const addon = nativeAddon()
    if (!support.ok || typeof addon === 'string')
      throw new RegraftError('engine', `onednn: ${support.ok ? addon : support.reason}`)
    const plan = planOf(graph, threads, cacheBytes, precision)
    checkFits(graph, memoryOf(graph, plan, copiedBytes(plan, precision)))
    const failed = (error: unknown) =>
      new RegraftError('engine', `the onednn engine failed: ${(error as Error).message}`)
    const program = new addon.Program(plan)
    let disposed = false
    try {
      await program.compile()
      checkKernels(plan, program.implementations())
    } catch (error) {
      program.dispose()
      throw error instanceof RegraftError ? error : failed(error)
    }
    const inputs = valuesOf(graph, 'input')
    const persistent = new Map(plan.values.flatMap((value, i) => (value.persistent ? [[value.name, i]] : [])))
    const length = (name: string) => elements(lookUp(graph, name).shape)
    const check = (name: string, given: number) => {
      if (given !== length(name))
        throw new RegraftError(
          'engine',
          `'${name}' takes ${length(name)} numbers ([${lookUp(graph, name).shape}]), got ${given}`,
        )
    }
    const alive = () => {
      if (disposed) throw new RegraftError('engine', 'the program has been disposed of')
    }
    const position = (name: string): number => {
      alive()
      const at = persistent.get(name)
      if (at === undefined) throw new RegraftError('engine', `the graph has no value '${name}' that persists`)
      return at
    }
    return {
      memory: memoryOf(graph, plan, program.sharedBytes()),
      run: async (given, signal) => {
        alive()
        signal?.throwIfAborted()
        const arrays = inputs.map(({ name }) => {
          const values = given[name]
          if (!values) throw new RegraftError('engine', `the input '${name}' is missing`)
          check(name, values.length)
          return values
        })
        const results = graph.outputs.map(name => new Float32Array(length(name)))
        const stopped = new Uint8Array(1)
        const stop = () => stopped.fill(1)
        signal?.addEventListener('abort', stop, { once: true })
        try {
          await program.run(arrays, results, stopped)
        } catch (error) {
          signal?.throwIfAborted()
          throw failed(error)
        } finally {
          signal?.removeEventListener('abort', stop)
        }
        signal?.throwIfAborted()
        return Object.fromEntries(graph.outputs.map((name, i) => [name, results[i] as Float32Array]))
      },
      read: async name => {
        const values = new Float32Array(length(name))
        await program.read(position(name), values).catch(error => Promise.reject(failed(error)))
        return values
      },
      write: async (name, values) => {
        const at = position(name)
        check(name, values.length)
        await program.write(at, values).catch(error => Promise.reject(failed(error)))
      },
      secondsByKernel: () => {
        alive()
        const kinds: Record<string, number> = {}
        for (const [i, seconds] of program.seconds().entries()) {
          const { kernel } = plan.operations[i] as Plan['operations'][number]
          kinds[kernel] = (kinds[kernel] ?? 0) + seconds
        }
        return kinds
      },
      dispose: async () => {
        if (disposed) return
        disposed = true
        program.dispose()
      },
    }
  },
}
