/** Engines compute activations a second time to the same bits, and need less memory. */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { randomStream } from '../base/random.js'
import { elements, type Graph, recomputations, trainingStep, valuesOf } from '../graph/index.js'
import { networkGraph, networkNamed } from '../models/index.js'
import { type Engine, everyEngine, type Precision, totalBytes } from './index.js'
import { slow } from './webgpu/here.testing.js'

const given: Readonly<Record<string, number>> = { 'learningRate.all': 0.01, momentum: 0.9, 'weightDecay.all': 5e-4 }

const starts = new Map<string, Float32Array>()

/** The same for every engine and precision. */
function startOf({ name, shape }: { readonly name: string; readonly shape: readonly number[] }): Float32Array {
  const key = `${name} ${shape.join()}`
  const start = starts.get(key) ?? startFor(name, shape)
  starts.set(key, start)
  return start
}

function startFor(name: string, shape: readonly number[]): Float32Array {
  const random = randomStream(4, name)
  const values = new Float32Array(elements(shape)).fill(given[name] ?? 0)
  if (shape.length === 0) return values
  if (name.endsWith('.mask')) return values.map(() => (random.next() < 0.2 ? 0 : 1.25))
  if (name.endsWith('running_var')) return values.fill(1)
  const scale = Math.sqrt(elements(shape.slice(1)))
  return values.map(() => random.normal() / scale)
}

/** Digests of outputs, and of everything that persists after two steps. */
async function trained(engine: Engine, graph: Graph, precision: Precision, threads: number) {
  const program = await engine.compile(graph, { precision, threads })
  try {
    const persistent = valuesOf(graph, 'parameter', 'statistic', 'state')
    for (const value of persistent) if (value.role !== 'state') await program.write(value.name, startOf(value))
    const inputs = Object.fromEntries(valuesOf(graph, 'input').map(value => [value.name, startOf(value)]))
    const digests: Record<string, string> = {}
    const digest = (name: string, { buffer, byteOffset, byteLength }: Float32Array) => {
      digests[name] = createHash('sha256')
        .update(new Uint8Array(buffer, byteOffset, byteLength))
        .digest('hex')
    }
    for (const step of [1, 2])
      for (const [name, values] of Object.entries(await program.run(inputs))) digest(`${name} of step ${step}`, values)
    for (const { name } of persistent) digest(name, await program.read(name))
    return { digests, memory: program.memory }
  } finally {
    await program.dispose()
  }
}

// A GPU that the CPU plays takes minutes to compile all kernels of the second
const networksOf = (engine: Engine) =>
  engine.name === 'webgpu' && slow ? ['resnet18-narrow'] : ['resnet18-narrow', 'mobilenet_v2']
const settings = everyEngine.flatMap(engine =>
  (['float32', 'bfloat16'] as const).flatMap(precision =>
    networksOf(engine).map(network => [engine.name, precision, network, engine] as const),
  ),
)

describe('recomputed steps', () => {
  it.each(settings)('%s, %s: %s trains to the same bits in less memory', async (_, precision, network, engine) => {
    const small = engine.name === 'webgpu' && slow ? { batch: 2, size: 32 } : { batch: 6, size: 96 }
    const forward = networkGraph(networkNamed(network), { classes: 5, ...small, dropout: 0.2 })
    const step = trainingStep(forward, { optimiser: { name: 'sgd', nesterov: false }, groupOf: () => 'all' })
    if (!engine.supports(step, precision).ok) return
    const ways = recomputations(step)
    const threads = network === 'mobilenet_v2' ? 1 : 2
    const once = await trained(engine, step, precision, threads)
    for (const { graph } of [ways[Math.floor(ways.length / 2)]!, ways.at(-1)!]) {
      const twice = await trained(engine, graph, precision, threads)
      expect(twice.digests).toEqual(once.digests)
      expect(totalBytes(twice.memory)).toBeLessThan(totalBytes(once.memory))
    }
  })

  it.each(settings)(
    '%s, %s: the memory of %s is known before it is compiled',
    async (_, precision, network, engine) => {
      const forward = networkGraph(networkNamed(network), { classes: 5, batch: 2, size: 64 })
      const step = trainingStep(forward, { optimiser: { name: 'sgd', nesterov: false }, groupOf: () => 'all' })
      if (!engine.supports(step, precision).ok) return
      const told = engine.memory(step, { precision, threads: 2 })
      const program = await engine.compile(step, { precision, threads: 2 })
      expect({ ...told, workspace: 0 }).toEqual({ ...program.memory, workspace: 0 })
      await program.dispose()
    },
  )
})
