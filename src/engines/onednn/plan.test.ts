import { describe, expect, it } from 'vitest'
import { type Graph, inferenceGraph, recomputations, trainingStep } from '../../graph/index.js'
import { networkGraph, networkNamed } from '../../models/index.js'
import type { Parts } from './draft.js'
import { computesBfloat16 } from './index.js'
import { nativeAddon } from './native.js'
import { planOf } from './plan.js'
import type { Plan } from './planned.js'

const forward = (network: string, batch: number, size: number) =>
  networkGraph(networkNamed(network), { classes: 7, batch, size })
const step = (network: string, batch: number, size: number): Graph =>
  trainingStep(forward(network, batch, size), {
    optimiser: { name: 'sgd', nesterov: false },
    groupOf: () => 'all',
  })
const inference = (network: string, batch: number, size: number): Graph =>
  inferenceGraph(forward(network, batch, size)).graph

/** Runs a plan with names in place of numbers: whatever is read must have been written, and not been overwritten since. */
function overwritten(plan: Plan): string[] {
  const found: string[] = []
  /** The bytes of a value that an operation works on, in part of a strip; pieces of images as if they lay behind each other. */
  const bytes = (value: number, { images, pieces, times }: Parts, time: number, thread: number): [number, number] => {
    const { offset, bytes: all, batched, dims, local } = plan.values[value]!
    const start = offset + (local ? thread * plan.threadBytes : 0)
    if (!batched || times === 1) return [start, start + all]
    const each = all / ((dims[0] as number) * (dims.length === 4 ? pieces : 1))
    return [offset + time * images * each, offset + (time + 1) * images * each]
  }
  let written: { value: number; from: number; to: number }[] = plan.inputs.map(value => {
    const { offset, bytes: all } = plan.values[value]!
    return { value, from: offset, to: offset + all }
  })
  for (const strip of plan.strips) {
    const { first, end, times, apart } = strip
    // Of threads that work apart, the second is a few operations behind.
    const workers = apart ? plan.threads : 1
    const share = times / workers
    const steps = share * (end - first)
    const turns = Array.from({ length: steps + 3 * (workers - 1) }, (_, at) =>
      Array.from({ length: workers }, (_, thread) => ({ thread, at: at - 3 * thread })),
    )
    for (const { thread, at } of turns.flat()) {
      if (at < 0 || at >= steps) continue
      const time = thread * share + Math.floor(at / (end - first))
      const { kernel, inputs, outputs } = plan.operations[first + (at % (end - first))]!
      for (const value of inputs) {
        if (value < 0 || plan.values[value]!.persistent) continue
        const [from, to] = bytes(value, strip, time, thread)
        const parts = written.filter(part => part.value === value && part.from < to && part.to > from)
        const covered = parts.reduce((sum, part) => sum + Math.min(to, part.to) - Math.max(from, part.from), 0)
        if (covered !== to - from) found.push(`${kernel} reads ${plan.values[value]!.name}`)
      }
      for (const value of outputs) {
        if (value < 0 || plan.values[value]!.persistent) continue
        const [from, to] = bytes(value, strip, time, thread)
        written = written.flatMap(part => {
          if (part.from >= to || part.to <= from) return [part]
          const rest = [
            { ...part, to: from },
            { ...part, from: to },
          ]
          return rest.filter(piece => piece.from < piece.to)
        })
        written.push({ value, from, to })
      }
    }
  }
  return found
}

const recomputed = (network: string, batch: number, size: number): Graph =>
  recomputations(step(network, batch, size)).at(-1)!.graph
const tasks = { step, recomputed, inference }

describe('plans', () => {
  it.each([
    ['resnet18', 'step'],
    ['mobilenet_v2', 'step'],
    ['efficientnet_lite0', 'step'],
    ['resnet50', 'recomputed'],
    ['mobilenet_v2', 'recomputed'],
    ['resnet18', 'inference'],
    ['mobilenet_v2', 'inference'],
  ] as const)('of %s, %s, read nothing that was overwritten, in one part or in many', (network, task) => {
    const graph = tasks[task](network, 6, 64)
    for (const cache of [2 ** 16, 2 ** 20, 2 ** 40]) {
      const plan = planOf(graph, 2, cache)
      expect(plan.strips.some(({ times }) => times > 2)).toBe(cache < 2 ** 30)
      expect(overwritten(plan)).toEqual([])
    }
  })

  it('divide a batch evenly, and a batch of a prime number of images not into single ones', () => {
    expect(
      planOf(step('mobilenet_v2', 6, 64), 2, 2 ** 20).strips.every(
        ({ images, pieces, times }) => times === 1 || images * times === 6 * pieces,
      ),
    ).toBe(true)
    const prime = planOf(step('resnet18-narrow', 13, 64), 2, 2 ** 22).strips
    expect(prime.every(({ times, apart }) => !apart && (times === 1 || times === 13))).toBe(true)
  })

  it('apply norms again in the backward pass rather than keep what they gave', () => {
    const stored = (cache: number) => planOf(step('mobilenet_v2', 8, 96), 2, cache).arenaBytes
    const { values } = planOf(step('mobilenet_v2', 8, 96), 2)
    const convolved = values.filter(({ batched, layout }) => batched && layout === 'blocked')
    const all = convolved.reduce((sum, { bytes }) => sum + bytes, 0)
    // Gradients take turns in little memory; of each layer only what stands before its norm is kept.
    expect(stored(2 ** 18)).toBeLessThan(0.6 * all)
  })
})

describe('plans of recomputed steps', () => {
  it.each(['resnet50', 'mobilenet_v2', 'efficientnet_lite0'])(
    'of %s take half the memory, and leave the other strips as they are',
    network => {
      const [whole, least] = [step, recomputed].map(task => planOf(task(network, 8, 96), 2)) as [Plan, Plan]
      expect(least.arenaBytes).toBeLessThan(0.6 * whole.arenaBytes)
      const shown = ({ strips, operations, values }: Plan) =>
        strips.map(({ first, end, images, times }) => {
          const names = operations.slice(first, end).map(({ outputs }) => values[outputs[0] as number]!.name)
          return [images, times, ...names].join(' ').replaceAll(/\.again\d*/g, '')
        })
      const gradients = (plan: Plan) => shown(plan).filter(strip => strip.includes('grad'))
      // Sums over a batch are added part by part: other parts would give other bits.
      expect(gradients(least)).toEqual(gradients(whole))
    },
  )
})

const addon = nativeAddon()
if (typeof addon === 'string')
  describe('primitives', () => it.skip(`skipped: needs the native engine (${addon})`, () => {}))
else
  describe('primitives', () => {
    it.each(['resnet50', 'mobilenet_v2', 'efficientnet_lite0'])(
      'of %s are none of oneDNN’s reference loops',
      async network => {
        const precisions = computesBfloat16() ? (['float32', 'bfloat16'] as const) : (['float32'] as const)
        const graphs = [step(network, 4, 224), inference(network, 4, 224)]
        // Without products of tiles, which leave nothing to oneDNN in bfloat16.
        const plans = graphs.flatMap(graph => precisions.map(one => planOf(graph, 2, undefined, one, false)))
        for (const plan of plans) {
          const program = new addon.Program(plan)
          try {
            await program.compile()
            const chosen = program.implementations()
            expect(chosen).toHaveLength(plan.operations.length)
            expect(chosen.some(name => name.startsWith('brg') || name.startsWith('jit'))).toBe(true)
            expect(chosen.filter(name => /\bref/.test(name))).toEqual([])
          } finally {
            program.dispose()
          }
        }
      },
    )
  })
