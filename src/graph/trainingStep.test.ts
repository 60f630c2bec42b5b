/** What a training step does beside plain SGD: gathering gradients over batches, clipping, and averages of the weights. */
import { describe, expect, it } from 'vitest'
import { randomStream } from '../base/random.js'
import { elements, type Graph, GraphBuilder, interpret, trainingStep, valuesOf } from './index.js'

/** A last layer on `rows` rows of features. */
function head(rows: number): Graph {
  const b = new GraphBuilder('head')
  const x = b.declare('features', 'input', [rows, 6])
  const parameters = [b.declare('fc.weight', 'parameter', [3, 6]), b.declare('fc.bias', 'parameter', [3])]
  return b.build([b.one('linear', 'logits', [x, ...parameters], {})])
}

const sgd = { optimiser: { name: 'sgd', nesterov: false }, groupOf: () => 'all' } as const
const random = randomStream(1)
const features = Float64Array.from({ length: 4 * 6 }, () => random.normal())
const targets = Float64Array.from([1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0])
const rates = { 'learningRate.all': 0.1, 'weightDecay.all': 0.01, momentum: 0.9 }

/** Persistent values before the first run: the same weights for every graph. */
function start(graph: Graph): Map<string, Float64Array> {
  return new Map(
    valuesOf(graph, 'parameter', 'state').map(({ name, shape }) => {
      const stream = randomStream(2, name)
      return [
        name,
        new Float64Array(elements(shape)).map(() =>
          name.startsWith('fc') && !/\.[vga]/.test(name) ? stream.normal() : 0,
        ),
      ]
    }),
  )
}

function run(
  graph: Graph,
  values: Map<string, Float64Array>,
  rows: readonly [number, number],
  scalars: Record<string, number>,
) {
  const [first, end] = rows
  values.set('features', features.slice(first * 6, end * 6)).set('targets', targets.slice(first * 3, end * 3))
  for (const [name, value] of Object.entries(scalars)) values.set(name, Float64Array.of(value))
  return interpret(graph, values)
}

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual.length).toBe(expected.length)
  for (let i = 0; i < actual.length; i++) expect(actual[i]).toBeCloseTo(expected[i]!, 12)
}

describe('a training step', () => {
  it('takes two half batches as one whole batch', () => {
    const whole = trainingStep(head(4), sgd)
    const half = trainingStep(head(2), { ...sgd, accumulate: true })
    const [once, twice] = [start(whole), start(half)]
    const untouched = twice.get('fc.weight')!.slice()
    const gather = { gradientShare: 0.5 }
    const nothing = { 'learningRate.all': 0, 'weightDecay.all': 0, momentum: 1, gradientScale: 0 }
    for (let step = 0; step < 2; step++) {
      run(whole, once, [0, 4], rates)
      run(half, twice, [0, 2], { ...nothing, ...gather, gradientKeep: 0 })
      if (step === 0) expect(twice.get('fc.weight')).toEqual(untouched)
      run(half, twice, [2, 4], { ...rates, ...gather, gradientKeep: 1, gradientScale: 1 })
    }
    for (const name of ['fc.weight', 'fc.bias', 'fc.weight.velocity']) expectClose(twice.get(name)!, once.get(name)!)
  })

  it('scales all gradients by limit / (norm + 1e-6), as clip_grad_norm_ does, where the norm is above the limit', () => {
    const plain = trainingStep(head(4), sgd)
    const clipped = trainingStep(head(4), { ...sgd, clip: true })
    const without = { ...rates, 'weightDecay.all': 0 }
    const gradientOf = (graph: Graph, scalars: Record<string, number>) => {
      const values = start(graph)
      run(graph, values, [0, 4], scalars)
      // The first velocity is the gradient.
      return [...values.get('fc.weight.velocity')!, ...values.get('fc.bias.velocity')!]
    }
    const gradient = gradientOf(plain, without)
    const norm = Math.hypot(...gradient)
    const scaled = gradientOf(clipped, { ...without, gradientLimit: norm / 4 })
    expectClose(
      scaled,
      gradient.map(g => (g * (norm / 4)) / (norm + 1e-6)),
    )
    expect(gradientOf(clipped, { ...without, gradientLimit: 2 * norm })).toEqual(gradient)
  })

  it('moves the average towards the new weights', () => {
    const graph = trainingStep(head(4), { ...sgd, average: true })
    const values = start(graph)
    values.set('fc.weight.average', values.get('fc.weight')!).set('fc.bias.average', values.get('fc.bias')!)
    const before = values.get('fc.weight')!
    run(graph, values, [0, 4], { ...rates, averageKeep: 0.9, averageShare: 0.1 })
    const after = values.get('fc.weight')!
    expectClose(
      values.get('fc.weight.average')!,
      before.map((w, i) => 0.9 * w + 0.1 * after[i]!),
    )
  })
})
