/** Sums by subgroups are the bits that shared memory gives, and are used only where every lane is seen to be at work. */
import { describe, expect, it } from 'vitest'
import { randomStream } from '../../base/random.js'
import { elements, type Graph, trainingStep, valuesOf } from '../../graph/index.js'
import { requestAdapter, requestDevice } from './gpu.js'
import { reason, support } from './here.testing.js'
import type { Subgroups } from './kernels/total.js'
import { network } from './network.testing.js'
import { planOf } from './plan.js'
import { startProgram } from './program.js'
import { subgroupsOf } from './subgroups.js'

const title = support.ok ? 'subgroups' : `subgroups (skipped: needs a GPU or Debian's chromium: ${reason})`

const optimiser = { name: 'sgd', nesterov: false } as const
const graph = trainingStep(network(), { optimiser, groupOf: () => 'all', clip: true })

describe.skipIf(!support.ok)(title, async () => {
  const { gpu, adapter } = support.ok ? await requestAdapter() : { gpu: undefined, adapter: null }
  const device = adapter ? await requestDevice(adapter) : undefined
  const found = device ? await subgroupsOf(device) : []

  /** What three steps leave: losses and every value that persists. */
  async function after(subgroups: Subgroups): Promise<Map<string, Float32Array>> {
    const plan = planOf(graph, { device: 'software', subgroups, buffer: 2 ** 28, binding: 2 ** 27, storageBuffers: 10 })
    const program = await startProgram(device!, 'this GPU', graph, plan)
    const given = inputsOf(graph)
    for (const { name, shape } of valuesOf(graph, 'parameter', 'statistic')) {
      const random = randomStream(1, name)
      await program.write(
        name,
        new Float32Array(elements(shape)).map(() => 0.5 + 0.2 * random.normal()),
      )
    }
    const results = new Map<string, Float32Array>()
    for (let step = 0; step < 3; step++) results.set(`loss ${step}`, (await program.run(given)).loss!)
    for (const { name } of valuesOf(graph, 'parameter', 'statistic', 'state'))
      results.set(name, await program.read(name))
    await program.dispose()
    return results
  }

  it('give the bits of shared memory, from run to run, also where a device has several sizes', async ctx => {
    if (found.length === 0) return ctx.skip('this device has none')
    const expected = await after([])
    expect(expected.get('loss 2')![0]).not.toBe(expected.get('loss 0')![0])
    for (const subgroups of [found, found, [...found, 2 * found.at(-1)!]]) {
      const actual = await after(subgroups)
      expect([...actual].filter(([name, values]) => !same(values, expected.get(name)!)).map(([name]) => name)).toEqual(
        [],
      )
    }
  }, 600_000)

  it('are left alone where the device was not asked for them', async () => {
    expect(gpu).toBeDefined()
    const plain = await (await requestAdapter()).adapter!.requestDevice()
    expect(await subgroupsOf(plain)).toEqual([])
  })

  it('are not trusted where sums come out otherwise', async ctx => {
    if (found.length === 0) return ctx.skip('this device has none')
    // As if half of each subgroup's lanes were none of its own
    const wrong = new Proxy(device!, {
      get: (target, name) => {
        if (name === 'createShaderModule')
          return ({ code }: GPUShaderModuleDescriptor) =>
            target.createShaderModule({ code: code.replace('subgroupShuffleXor(sum, 1u)', 'sum') })
        const value = Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    expect(await subgroupsOf(wrong)).toEqual([])
    expect(await subgroupsOf(device!)).toEqual(found)
  })
})

const same = (a: Float32Array, b: Float32Array) =>
  Buffer.compare(
    Buffer.from(a.buffer, a.byteOffset, a.byteLength),
    Buffer.from(b.buffer, b.byteOffset, b.byteLength),
  ) === 0

/** Images, labels, and rates of which the limit of gradients is met. */
function inputsOf(step: Graph) {
  const scalars: Record<string, number> = { momentum: 0.9, gradientLimit: 0.5, 'learningRate.all': 0.1 }
  return Object.fromEntries(
    valuesOf(step, 'input').map(({ name, shape }) => {
      const values = new Float32Array(elements(shape))
      if (name === 'targets') for (let row = 0; row < shape[0]!; row++) values[row * shape[1]! + 90 * row] = 1
      else if (name === 'images') for (const i of values.keys()) values[i] = Math.sin(i * 0.37)
      else values.fill(scalars[name] ?? 0)
      return [name, values]
    }),
  )
}
