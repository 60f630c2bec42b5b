/** How fast an engine's single kernels are: arithmetic of convolutions, and memory traffic of norms and activations. */
import { randomStream } from '../base/random.js'
import type { Engine } from '../engines/index.js'
import { elements, forTraining, type Graph, GraphBuilder, nodeCost, valuesOf } from '../graph/index.js'

export interface KernelRate {
  readonly kernel: string
  readonly seconds: number
  /** Of multiplications and additions, each counted as one. */
  readonly gigaflops: number
  /** As if each operand were read, and each result written, just once. */
  readonly gigabytes: number
}

type Layer = (b: GraphBuilder, x: string, name: string) => string

const convolution =
  (kernel: number, groups: number): Layer =>
  (b, x, name) => {
    const channels = b.shape(x)[1] as number
    const weight = b.declare(`${name}.weight`, 'parameter', [channels, channels / groups, kernel, kernel])
    const side = (kernel - 1) / 2
    return b.one('conv2d', name, [x, weight], {
      stride: [1, 1],
      padding: [side, side, side, side],
      groups,
      activation: 'none',
    })
  }

const norm: Layer = (b, x, name) => {
  const shape = [b.shape(x)[1] as number]
  const own = ['weight', 'bias'].map(part => b.declare(`${name}.${part}`, 'parameter', shape))
  const stored = ['mean', 'var'].map(part => b.declare(`${name}.running_${part}`, 'statistic', shape))
  const inputs = [x, ...own, ...stored]
  return b.one('batchNorm', name, inputs, { eps: 1e-5, momentum: 0.1, training: false, activation: 'none' })
}

const layers = (channels: number): Readonly<Record<string, Layer>> => ({
  'convolution 3 x 3': convolution(3, 1),
  'convolution 1 x 1': convolution(1, 1),
  'depthwise 3 x 3': convolution(3, channels),
  'batch norm, training': norm,
  relu: (b, x, name) => b.one('relu', name, [x], {}),
})

/** `count` layers one after another on images that stand on the device; what comes back is their mean. */
function chain(layer: Layer, count: number, shape: readonly number[]): Graph {
  const b = new GraphBuilder('chain')
  let x = b.declare('x', 'parameter', shape)
  for (let i = 0; i < count; i++) x = layer(b, x, `layer${i}`)
  return forTraining(b.build([b.one('globalAveragePool', 'pool', [x], {})]))
}

async function secondsOf(engine: Engine, graph: Graph): Promise<number> {
  const program = await engine.compile(graph)
  try {
    const random = randomStream(1, 'rates')
    for (const { name, shape } of valuesOf(graph, 'parameter', 'statistic'))
      await program.write(
        name,
        new Float32Array(elements(shape)).map(() => (name.endsWith('_var') ? 1 : random.next() / 8)),
      )
    let best = Number.POSITIVE_INFINITY
    for (let round = 0; round < 8; round++) {
      const began = performance.now()
      await program.run({})
      if (round > 1) best = Math.min(best, (performance.now() - began) / 1000)
    }
    return best
  } finally {
    await program.dispose()
  }
}

/**
 * Rates of an engine's kernels, from the difference between a long and a short chain of each, so that a submission's
 * own cost falls out.
 * @param shape [batch, channels, height, width]
 */
export async function kernelRates(
  engine: Engine,
  shape: readonly [number, number, number, number],
  length = 16,
): Promise<KernelRate[]> {
  const rates: KernelRate[] = []
  for (const [kernel, layer] of Object.entries(layers(shape[1]))) {
    const short = chain(layer, 2, shape)
    const long = chain(layer, 2 + length, shape)
    const seconds = ((await secondsOf(engine, long)) - (await secondsOf(engine, short))) / length
    const { flops } = nodeCost(short, short.nodes[0]!)
    rates.push({ kernel, seconds, gigaflops: flops / seconds / 1e9, gigabytes: (8 * elements(shape)) / seconds / 1e9 })
  }
  return rates
}
