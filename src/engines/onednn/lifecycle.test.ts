/** The native engine's programs when they are stopped, torn down, wrong, or too large. */
import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { bytes } from '../../base/bytes.js'
import { usableMemory } from '../../base/machine.js'
import { GraphBuilder, trainingStep } from '../../graph/index.js'
import { networkGraph, networkNamed } from '../../models/index.js'
import { totalBytes } from '../engine.js'
import { onednnEngine } from './index.js'
import { nativeAddon } from './native.js'
import { planOf } from './plan.js'
import type { Plan } from './planned.js'

const addon = nativeAddon()

/** Twenty convolutions, each of half a billion multiply-adds, and then a counter that goes up by one. */
function longRun() {
  const builder = new GraphBuilder('long')
  let y = builder.declare('images', 'input', [4, 64, 56, 56])
  const weight = builder.declare('weight', 'parameter', [64, 64, 3, 3])
  const same = { stride: [1, 1], padding: [1, 1, 1, 1], groups: 1, activation: 'none' } as const
  for (let i = 0; i < 20; i++) y = builder.one('conv2d', `y${i}`, [y, weight], same)
  const features = builder.one('globalAveragePool', 'features', [y], {})
  const count = builder.declare('count', 'state', [4, 64])
  const next = builder.one('add', 'next', [count, features], {})
  return builder.build([next], new Map([[count, next]]))
}
const images = new Float32Array(4 * 64 * 56 * 56).fill(1)
const identity = new Float32Array(64 * 64 * 9).map((_, i) => (i % 9 === 4 && Math.floor(i / 9) % 65 === 0 ? 1 : 0))

describe.skipIf(typeof addon !== 'string')('native programs', () => {
  it.skip(`skipped: needs the native engine (${addon})`, () => {})
})

describe.skipIf(typeof addon === 'string')('native programs', () => {
  it('stop between two kernels at a signal, and go on afterwards', async () => {
    const program = await onednnEngine.compile(longRun())
    await program.write('weight', identity)
    const controller = new AbortController()
    const run = program.run({ images }, controller.signal)
    const next = program.run({ images })
    setImmediate(() => controller.abort(new Error('enough')))
    await expect(run).rejects.toThrow('enough')
    // The stopped run did not come to its last kernel; the one behind it did.
    const { next: count } = await next
    expect(count![0]).toBeCloseTo(1, 3)
    await program.dispose()
  })

  it('end when they are disposed of during a run', async () => {
    const program = await onednnEngine.compile(longRun())
    const runs = [program.run({ images }), program.run({ images })]
    const results = Promise.allSettled(runs)
    await new Promise(setImmediate)
    await program.dispose()
    for (const result of await results)
      expect(result).toMatchObject({ status: 'rejected', reason: { message: expect.stringContaining('disposed of') } })
  })

  it('survive being torn down with their thread at any moment', async () => {
    const code = `
      const { parentPort, workerData } = require('node:worker_threads')
      import(workerData.engine).then(async ({ onednnEngine }) => {
        const program = await onednnEngine.compile(workerData.graph)
        parentPort.postMessage('compiled')
        const images = new Float32Array(${images.length})
        for (;;) await Promise.all([program.run({ images }), program.run({ images }), program.read('weight')])
      })`
    const workerData = { engine: new URL('./index.js', import.meta.url).href, graph: longRun() }
    await Promise.all(
      [0, 0, 3, 20, 60].map(async milliseconds => {
        const worker = new Worker(code, { eval: true, workerData })
        // One dies while it compiles, the others in a run.
        if (milliseconds > 0) await new Promise(resolve => worker.once('message', resolve))
        await new Promise(resolve => setTimeout(resolve, milliseconds))
        await worker.terminate()
      }),
    )
    const program = await onednnEngine.compile(longRun())
    await program.write('weight', identity)
    expect((await program.run({ images })).next![0]).toBeCloseTo(1, 3)
    await program.dispose()
  })

  const good = () => planOf(longRun(), 2)
  const withValue = (name: string, change: object): Plan => {
    const plan = good()
    return { ...plan, values: plan.values.map(value => (value.name === name ? { ...value, ...change } : value)) }
  }
  it.each<[string, () => unknown, string]>([
    ['a value outside the arena', () => withValue('y0', { offset: 2 ** 40 }), "'y0' lies outside the arena"],
    ['too few bytes', () => withValue('weight', { bytes: 64 }), "'weight' has too few bytes"],
    ['a side of nothing', () => withValue('y0', { dims: [4, 0, 56, 56] }), "'y0' has a side of 0"],
    ['an index of no value', () => ({ ...good(), outputs: [99] }), 'outputs has no value 99'],
    ['an operation left out', () => ({ ...good(), strips: [] }), 'strips leave operations out'],
    [
      'an unknown kernel',
      () => ({ ...good(), operations: good().operations.map(operation => ({ ...operation, kernel: 'fly' })) }),
      "there is no kernel 'fly'",
    ],
    [
      'attributes that are missing',
      () => ({ ...good(), operations: good().operations.map(operation => ({ ...operation, numbers: {} })) }),
      "conv2d lacks the number 'groups'",
    ],
    ['no plan at all', () => ({}), 'An array was expected'],
  ])('refuse a wrong plan by a rejected promise: %s', async (_, plan, message) => {
    if (typeof addon === 'string') return
    const compile = async () => {
      const program = new addon.Program(plan() as Plan)
      await program.compile().finally(() => program.dispose())
    }
    await expect(compile()).rejects.toThrow(message)
  })

  it.each(['float32', 'bfloat16'] as const)(
    'refuse what memory cannot hold, and say what would fit, %s',
    async precision => {
      const step = (batch: number) =>
        trainingStep(networkGraph(networkNamed('resnet18'), { classes: 10, batch }), {
          optimiser: { name: 'sgd', nesterov: false },
          groupOf: () => 'all',
        })
      if (!onednnEngine.supports(step(1), precision).ok) return
      const error = await onednnEngine.compile(step(65536), { precision }).then(
        () => undefined,
        (reason: Error) => reason,
      )
      const [, needed, free, batch] =
        /^this needs (.+) of memory and (.+) GB are free; --batch-size (\d+) would fit$/.exec(
          error?.message ?? '',
        ) as unknown as [string, string, string, string]
      expect(needed).toBe(bytes(totalBytes(onednnEngine.memory(step(65536), { precision }))))
      expect(Number(free) * 1e9).toBeLessThanOrEqual(usableMemory() + 1e8)
      // Its arena is nearly all that it needs.
      const { arenaBytes } = planOf(step(Number(batch)), 2, undefined, precision)
      expect(arenaBytes).toBeLessThan(Number(free) * 1e9)
      expect(arenaBytes).toBeGreaterThan(0.5 * Number(free) * 1e9)
    },
  )
})
