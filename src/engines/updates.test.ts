/** Training steps with gathered, clipped and averaged gradients on every engine, against the reference in double precision. */
import { describe, expect, it } from 'vitest'
import { randomStream } from '../base/random.js'
import {
  elements,
  type Graph,
  GraphBuilder,
  interpret,
  type Optimiser,
  trainingStep,
  valuesOf,
} from '../graph/index.js'
import { everyEngine } from './index.js'
import './webgpu/here.testing.js'

/** Two convolutions, one of them depthwise, with norms, and a last layer; channels that are no multiple of 16. */
function network(): Graph {
  const b = new GraphBuilder('network')
  const parameter = (name: string, ...shape: number[]) => b.declare(name, 'parameter', shape)
  const conv = (name: string, x: string, weight: number[], groups: number) =>
    b.one('conv2d', name, [x, parameter(`${name}.weight`, ...weight)], {
      stride: [1, 1],
      padding: [1, 1, 1, 1],
      groups,
      activation: 'none',
    })
  const norm = (name: string, x: string) => {
    const channels = b.shape(x)[1] as number
    const own = ['weight', 'bias'].map(part => parameter(`${name}.${part}`, channels))
    const stored = ['running_mean', 'running_var'].map(part => b.declare(`${name}.${part}`, 'statistic', [channels]))
    const inputs = [x, ...own, ...stored]
    return b.one('batchNorm', name, inputs, { eps: 1e-3, momentum: 0.1, training: false, activation: 'none' })
  }
  let x = b.declare('images', 'input', [4, 3, 6, 6])
  x = b.one('relu', 'relu1', [norm('bn1', conv('conv1', x, [20, 3, 3, 3], 1))], {})
  x = b.one('relu6', 'relu2', [norm('bn2', conv('conv2', x, [20, 1, 3, 3], 20))], {})
  x = b.one('globalAveragePool', 'pool', [x], {})
  return b.build([b.one('linear', 'fc', [x, parameter('fc.weight', 5, 20), parameter('fc.bias', 5)], {})])
}

const optimisers: readonly Optimiser[] = [
  { name: 'sgd', nesterov: false },
  // With a smaller eps the sign of a gradient that is zero but for rounding would decide on a whole step.
  { name: 'adamW', eps: 1e-2 },
]
/** Two groups whose parameters alternate, as with `--no-decay norm,bias`. */
const groupOf = (parameter: string) => (/bn|bias/.test(parameter) ? 'plain' : 'decayed')
const graphs = optimisers.map(optimiser => {
  const options = { optimiser, groupOf, accumulate: true, clip: true, average: true }
  return [optimiser.name, trainingStep(network(), options)] as const
})

/** Two updates of two runs each: the first run of a pair only gathers. */
const scalarsOf = (run: number): Record<string, number> => {
  const counts = run % 2 === 1
  return {
    'learningRate.decayed': counts ? 0.05 : 0,
    'learningRate.plain': counts ? 0.02 : 0,
    'weightDecay.decayed': counts ? 0.01 : 0,
    'weightDecay.plain': 0,
    momentum: counts ? 0.9 : 1,
    beta1: counts ? 0.9 : 1,
    beta2: counts ? 0.999 : 1,
    correction1: 1 - 0.9 ** ((run >> 1) + 1),
    correction2: 1 - 0.999 ** ((run >> 1) + 1),
    gradientKeep: counts ? 1 : 0,
    gradientShare: 0.5,
    gradientLimit: counts ? 0.3 : 0,
    averageKeep: counts ? 0.75 : 1,
    averageShare: counts ? 0.25 : 0,
  }
}

const available = everyEngine.filter(engine => engine.supports(graphs[0]![1], 'float32').ok)

describe.each(available.map(engine => [engine.name, engine] as const))('%s', (_, engine) => {
  it.each(graphs)(
    'gathers gradients over two runs, clips their norm and averages the weights: %s',
    async (_, graph) => {
      const program = await engine.compile(graph)
      try {
        const truth = new Map<string, Float64Array>()
        for (const { name, shape, role } of valuesOf(graph, 'parameter', 'statistic', 'state')) {
          const random = randomStream(5, name)
          const next = shape.length > 1 ? () => random.normal() / 3 : () => 0.5 + random.next() / 2
          const start = new Float32Array(elements(shape)).map(role === 'state' ? () => 0 : next)
          await program.write(name, start)
          truth.set(name, Float64Array.from(start))
        }
        for (let run = 0; run < 4; run++) {
          const random = randomStream(9, run)
          const scalars = scalarsOf(run)
          const inputs = Object.fromEntries(
            valuesOf(graph, 'input').map(({ name, shape }) => {
              if (name in scalars) return [name, Float32Array.of(scalars[name]!)]
              const oneHot = [3, 1, 4, 0].flatMap(label => [0, 1, 2, 3, 4].map(c => (c === label ? 1 : 0)))
              const values =
                name === 'targets' ? Float32Array.from(oneHot) : new Float32Array(elements(shape)).map(random.normal)
              return [name, values]
            }),
          )
          await program.run(inputs)
          for (const [name, values] of Object.entries(inputs)) truth.set(name, Float64Array.from(values))
          interpret(graph, truth)
        }
        for (const { name } of valuesOf(graph, 'parameter', 'statistic', 'state')) {
          const expected = truth.get(name) as Float64Array
          const actual = await program.read(name)
          const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
          const error = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - actual[i]!)), 0)
          expect(error / largest, name).toBeLessThan(2e-4)
        }
      } finally {
        await program.dispose()
      }
    },
  )
})
