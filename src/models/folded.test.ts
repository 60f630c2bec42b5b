/** What is served computes what the network computes, by the reference, with fewer nodes. */
import { expect, it } from 'vitest'
import { randomStream } from '../base/random.js'
import { elements, forInference, inferenceGraph, interpret, valuesOf } from '../graph/index.js'
import { networkGraph, networkNamed } from './index.js'

it.each(['resnet18-narrow', 'mobilenet_v2'])('%s without its batch norms gives the same logits', name => {
  const forward = networkGraph(networkNamed(name), { classes: 3, batch: 2, size: 32 })
  const plain = forInference(forward)
  const values = new Map(
    valuesOf(plain, 'input', 'parameter', 'statistic').map(({ name: value, shape }) => {
      const random = randomStream(8, value)
      const scale = 1 / Math.sqrt(elements(shape.slice(1)))
      const own = new Float32Array(elements(shape)).map(() => scale * random.normal())
      // Norms near the identity, so that no layer dies
      const near = /running_var|bn.*weight|norm.*weight/.test(value) && shape.length === 1
      return [value, near ? own.map(each => 1 + 0.2 * Math.abs(each)) : own]
    }),
  )
  const served = inferenceGraph(forward)
  expect(served.graph.nodes.filter(({ operator }) => operator === 'batchNorm')).toEqual([])
  expect(served.graph.nodes.length).toBeLessThan(plain.nodes.length)
  const exact = (given: Iterable<readonly [string, Float32Array]>) =>
    new Map([...given].map(([value, numbers]) => [value, Float64Array.from(numbers)] as const))
  const [logits] = interpret(plain, exact(values)).values()
  const images = values.get('images') as Float32Array
  const folded = served.parameters(value => values.get(value) as Float32Array)
  const [same] = interpret(served.graph, exact([['images', images], ...folded])).values()
  const largest = Math.max(...logits!.map(Math.abs))
  expect(largest).toBeGreaterThan(0)
  // The folded weights are float32
  for (const [i, logit] of logits!.entries()) expect(Math.abs(same![i]! - logit) / largest).toBeLessThan(1e-5)
})
