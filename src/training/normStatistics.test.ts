/** Batch norms' statistics computed anew on every engine, against PyTorch's `update_bn`. */
import { describe, expect, it } from 'vitest'
import { everyEngine } from '../engines/index.js'
import { freeze, type Graph, GraphBuilder, normStatistics } from '../graph/index.js'
import type { Evaluation } from './evaluate.js'
import { newCounts } from './metrics.js'
import { withChosenStatistics, withNewStatistics } from './normStatistics.js'
import '../engines/webgpu/here.testing.js'

/** Values sin(phase + 0.7 i), as PyTorch was given them. */
const wave = (count: number, phase: number, more = 0) =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(phase + 0.7 * i) + more)

/** A convolution, norm, ReLU, depthwise convolution, norm and mean. */
function forward(): Graph {
  const b = new GraphBuilder('forward')
  const parameter = (name: string, ...shape: number[]) => b.declare(name, 'parameter', shape)
  const conv = (name: string, x: string, weight: number[], padding: number, groups: number) =>
    b.one('conv2d', name, [x, parameter(`${name}.weight`, ...weight)], {
      stride: [1, 1],
      padding: [padding, padding, padding, padding],
      groups,
      activation: 'none',
    })
  const norm = (name: string, x: string) => {
    const own = ['weight', 'bias'].map(part => parameter(`${name}.${part}`, 4))
    const stored = ['running_mean', 'running_var'].map(part => b.declare(`${name}.${part}`, 'statistic', [4]))
    const attributes = { eps: 1e-3, momentum: 0.1, training: false, activation: 'none' } as const
    return b.one('batchNorm', name, [x, ...own, ...stored], attributes)
  }
  const images = b.declare('images', 'input', [4, 3, 4, 4])
  const x = b.one('relu', 'relu', [norm('bn1', conv('conv1', images, [4, 3, 1, 1], 0, 1))], {})
  const y = norm('bn2', conv('conv2', x, [4, 1, 3, 3], 1, 4))
  return b.build([b.one('globalAveragePool', 'pool', [y], {})])
}

const values = new Map([
  ['conv1.weight', wave(12, 1)],
  ['conv2.weight', wave(36, 2)],
  ['bn1.weight', wave(4, 3, 2)],
  ['bn1.bias', wave(4, 4)],
  ['bn2.weight', wave(4, 5, 2)],
  ['bn2.bias', wave(4, 6)],
  ...['bn1', 'bn2'].flatMap(norm => [
    [`${norm}.running_mean`, new Float32Array(4).fill(7)] as const,
    [`${norm}.running_var`, new Float32Array(4).fill(9)] as const,
  ]),
])

/** What `torch.optim.swa_utils.update_bn` of PyTorch 2.13 makes of them in double precision, on sin(10 batch + 0.7 i). */
const expected = {
  'bn1.running_mean': [0.009032, -0.004674, -0.004313, 0.009029],
  'bn1.running_var': [0.860284, 0.835907, 0.821561, 0.860005],
  'bn2.running_mean': [-0.335302, -0.116309, -0.071388, -0.213173],
  'bn2.running_var': [7.088979, 1.332324, 0.544304, 2.706646],
}

async function* batches() {
  for (let batch = 0; batch < 3; batch++)
    yield { inputs: wave(192, 10 * batch), labels: new Int32Array(4), count: 4, indices: new Int32Array(4) }
}

const available = everyEngine.filter(engine => engine.supports(normStatistics(forward()), 'float32').ok)

describe.each(available.map(engine => [engine.name, engine] as const))('%s', (_, engine) => {
  it('gives the mean over batches of what each norm sees, whatever the statistics were', async () => {
    const found = await withNewStatistics(engine, forward(), {}, values, batches())
    for (const [name, statistics] of Object.entries(expected))
      for (const [i, value] of statistics.entries())
        expect(found?.get(name)?.[i], `${name}[${i}]`).toBeCloseTo(value, 5)
    expect(found?.get('conv1.weight')).toEqual(values.get('conv1.weight'))
  })

  it('leaves a norm that is not trained as it is', async () => {
    const frozen = freeze(forward(), name => name.startsWith('bn1') || name === 'conv1.weight')
    const found = await withNewStatistics(engine, frozen, {}, values, batches())
    expect(found?.get('bn1.running_var')).toEqual(values.get('bn1.running_var'))
    expect(found?.get('bn2.running_var')?.[0]).not.toBe(9)
    const none = freeze(forward(), () => true)
    expect(await withNewStatistics(engine, none, {}, values, batches())).toBeUndefined()
  })
})

describe('the more accurate of both', () => {
  const best = new Map([['bn1.running_mean', Float32Array.of(7)]])
  const other = new Map([['bn1.running_mean', Float32Array.of(8)]])
  const chosen = async (
    recomputed: typeof best | undefined,
    right: (values: unknown) => number,
    choice: 'recomputed' | 'auto' = 'auto',
  ) => {
    let measurements = 0
    const measure = async (values: unknown): Promise<Evaluation> => {
      measurements++
      return { counts: { ...newCounts(2), images: 4, top1: right(values) }, predictions: new Map(), scored: [] }
    }
    const { values, normStatistics } = await withChosenStatistics(choice, best, async () => recomputed, measure)
    return { values, normStatistics, measurements }
  }

  it('is what more validation images are right by, as they ran where both are alike', async () => {
    const better = await chosen(other, values => (values === other ? 3 : 2))
    expect(better).toEqual({ values: other, normStatistics: 'recomputed', measurements: 2 })
    const alike = await chosen(other, () => 3)
    expect(alike).toEqual({ values: best, normStatistics: 'running', measurements: 2 })
  })

  it('is measured once where no norm is trained, and recorded as it ran whatever was asked for', async () => {
    for (const choice of ['auto', 'recomputed'] as const) {
      const same = await chosen(undefined, () => 3, choice)
      expect(same).toEqual({ values: best, normStatistics: 'running', measurements: 1 })
    }
  })
})
