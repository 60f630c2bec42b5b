/** Weight decay to pretrained values (L2-SP) on every engine, against PyTorch. */
import { describe, expect, it } from 'vitest'
import {
  GraphBuilder,
  learningRateOf,
  type Optimiser,
  referenceOf,
  referenceShareOf,
  trainingStep,
  valuesOf,
  weightDecayOf,
} from '../graph/index.js'
import { everyEngine } from './index.js'
import './webgpu/here.testing.js'

/** Values sin(phase + 0.7 i), as PyTorch was given them. */
const wave = (count: number, phase: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(phase + 0.7 * i))
const start = new Map([
  ['trunk', wave(12, 1)],
  ['weight', wave(12, 2)],
  ['bias', wave(3, 3)],
])

function forward() {
  const b = new GraphBuilder('forward')
  const images = b.declare('images', 'input', [4, 3, 2, 2])
  const trunk = b.declare('trunk', 'parameter', [4, 3, 1, 1])
  const plain = { stride: [1, 1], padding: [0, 0, 0, 0], groups: 1, activation: 'none' } as const
  const y = b.one('relu', 'relu', [b.one('conv2d', 'conv', [images, trunk], plain)], {})
  const head = [b.declare('weight', 'parameter', [3, 4]), b.declare('bias', 'parameter', [3])]
  return b.build([b.one('linear', 'fc', [b.one('globalAveragePool', 'pool', [y], {}), ...head], {})])
}

/**
 * What PyTorch 2.13 has in double precision after three steps on sin(10 step + 0.7 i) with classes 0, 1, 2, 1. SGD with
 * momentum 0.9 was given `trunk.grad += 0.2 * (trunk - start)` before `opt.step()`, after `clip_grad_norm_(…, 0.1)` in
 * the second case, and no weight decay for the trunk; AdamW `trunk -= 0.05 * 0.2 * (trunk - start)`. Rates are 0.05 and
 * 0.1, the head's weight decay is 0.01.
 */
const sgd = (nesterov: boolean): Optimiser => ({ name: 'sgd', nesterov })
const cases: readonly (readonly [string, Optimiser, boolean, number, Readonly<Record<string, readonly number[]>>])[] = [
  [
    'SGD with Nesterov’s momentum',
    sgd(true),
    false,
    1.140606,
    {
      trunk: [
        0.77487, 1.058476, 0.616162, 0.042487, -0.620767, -0.961647, -0.889647, -0.3696, 0.309674, 0.895293, 0.943922,
        0.703736,
      ],
      weight: [
        0.879296, 0.392336, -0.284573, -0.838899, -0.957949, -0.677183, -0.053074, 0.606882, 0.952626, 0.903845,
        0.410545, -0.27547,
      ],
      bias: [-0.072595, -0.325912, -0.931041],
    },
  ],
  [
    'SGD with clipped gradients',
    sgd(false),
    true,
    1.218427,
    {
      trunk: [
        0.833232, 0.999744, 0.668476, 0.041794, -0.613228, -0.975162, -0.884005, -0.373609, 0.311588, 0.856106,
        0.983684, 0.667992,
      ],
      weight: [
        0.900856, 0.421271, -0.257789, -0.817087, -0.986761, -0.698646, -0.079288, 0.579065, 0.962019, 0.897889,
        0.410153, -0.270708,
      ],
      bias: [0.114431, -0.502569, -0.944668],
    },
  ],
  [
    'AdamW',
    { name: 'adamW', eps: 1e-8 },
    false,
    1.081678,
    {
      trunk: [
        0.720245, 1.102936, 0.577747, 0.003878, -0.592323, -0.987039, -0.96508, -0.307302, 0.259405, 0.976918, 0.865588,
        0.777949,
      ],
      weight: [
        0.63728, 0.133267, -0.521101, -1.060287, -0.758623, -0.458248, 0.206867, 0.815801, 0.81712, 0.981561, 0.472409,
        -0.36982,
      ],
      bias: [-0.146461, -0.239016, -0.860015],
    },
  ],
]

const graphOf = (optimiser: Optimiser, clip: boolean) =>
  trainingStep(forward(), {
    optimiser,
    groupOf: name => (name === 'trunk' ? 'trunk' : 'head'),
    clip,
    decaysToReference: name => name === 'trunk',
  })
const available = everyEngine.filter(engine => engine.supports(graphOf(sgd(true), false), 'float32').ok)

describe.each(available.map(engine => [engine.name, engine] as const))('%s', (_, engine) => {
  it.each(cases)('decays the trunk to where it began: %s', async (_, optimiser, clip, lastLoss, expected) => {
    const graph = graphOf(optimiser, clip)
    const program = await engine.compile(graph)
    try {
      for (const { name, shape } of valuesOf(graph, 'state'))
        await program.write(name, new Float32Array(shape.reduce((a, b) => a * b, 1)))
      for (const [name, values] of start) await program.write(name, values)
      await program.write(referenceOf('trunk'), start.get('trunk') as Float32Array)
      const given = new Set(valuesOf(graph, 'input').map(({ name }) => name))
      let loss = 0
      for (let step = 0; step < 3; step++) {
        const scalars: Record<string, number> = {
          [learningRateOf('trunk')]: 0.05,
          [learningRateOf('head')]: 0.1,
          [weightDecayOf('trunk')]: 0.2,
          [weightDecayOf('head')]: 0.01,
          [referenceShareOf('trunk')]: optimiser.name === 'sgd' ? -0.2 : 0.05 * 0.2,
          one: 1,
          momentum: 0.9,
          beta1: 0.9,
          beta2: 0.999,
          correction1: 1 - 0.9 ** (step + 1),
          correction2: 1 - 0.999 ** (step + 1),
          gradientLimit: 0.1,
        }
        const inputs = Object.entries(scalars).flatMap(([name, value]) =>
          given.has(name) ? [[name, Float32Array.of(value)] as const] : [],
        )
        const outputs = await program.run({
          ...Object.fromEntries(inputs),
          images: wave(48, 10 * step),
          targets: Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0),
        })
        loss = outputs.loss![0] as number
      }
      expect(loss).toBeCloseTo(lastLoss, 4)
      for (const [name, values] of Object.entries(expected)) {
        const actual = await program.read(name)
        expect(actual).toHaveLength(values.length)
        for (const [i, value] of values.entries()) expect(actual[i], `${name}[${i}]`).toBeCloseTo(value, 5)
      }
    } finally {
      await program.dispose()
    }
  })
})
