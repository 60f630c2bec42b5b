/** A network with few kernels, of which there is one of nearly every kind: shaders compile slowly where the CPU plays the GPU. */
import { elements, type Graph, GraphBuilder, gradientStep, valuesOf } from '../../graph/index.js'
import type { Outputs, Program } from '../engine.js'

/** Three images of 12 pixels: dense convolutions with and without strides, a depthwise one, norms, pools, and a loss over more classes than a workgroup has threads. */
export function network(): Graph {
  const b = new GraphBuilder('network')
  const parameter = (name: string, ...shape: number[]) => b.declare(name, 'parameter', shape)
  const conv = (name: string, x: string, [to, from, side]: [number, number, number], stride = 1, groups = 1) => {
    const edge = (side - 1) / 2
    const attributes = {
      stride: [stride, stride],
      padding: [edge, edge, edge, edge],
      groups,
      activation: 'none',
    } as const
    return b.one('conv2d', name, [x, parameter(`${name}.weight`, to, from, side, side)], attributes)
  }
  const norm = (name: string, x: string, channels: number) => {
    const stored = ['running_mean', 'running_var'].map(part => b.declare(`${name}.${part}`, 'statistic', [channels]))
    const inputs = [x, parameter(`${name}.weight`, channels), parameter(`${name}.bias`, channels), ...stored]
    return b.one('batchNorm', name, inputs, { eps: 1e-3, momentum: 0.1, training: false, activation: 'relu' })
  }
  const images = b.declare('images', 'input', [3, 4, 12, 12])
  const depthwise = norm('bn1', conv('conv1', images, [4, 1, 3], 1, 4), 4)
  const smaller = norm('bn2', conv('conv2', depthwise, [12, 4, 3], 2), 12)
  const wider = norm('bn3', conv('conv3', smaller, [20, 12, 1]), 20)
  const features = b.one('globalAveragePool', 'pool', [wider], {})
  const head = [features, parameter('fc.weight', 300, 20), parameter('fc.bias', 300)]
  return b.build([b.one('linear', 'fc', head, {})])
}

const waves = (length: number, seed: number) => Float32Array.from({ length }, (_, i) => Math.sin(seed + 0.37 * i))

/** Its loss and every gradient, by name, for weights, images and labels that are the same wherever it runs. */
export async function networkStep(compile: (graph: Graph) => Promise<Program>): Promise<Outputs> {
  const { graph } = gradientStep(network())
  const program = await compile(graph)
  for (const [seed, { name, shape }] of valuesOf(graph, 'parameter', 'statistic').entries())
    await program.write(
      name,
      waves(elements(shape), seed).map(value => 0.5 + 0.3 * value),
    )
  const targets = Float32Array.from({ length: 3 * 300 }, (_, i) => (i % 300 === 70 * Math.floor(i / 300) ? 1 : 0))
  const outputs = await program.run({ images: waves(3 * 4 * 12 * 12, 1), targets })
  await program.dispose()
  return outputs
}
