/** Norms in pieces between which other work fits: sums over each image, statistics, a scale for each channel, its application. */
import type { Node } from '../../graph/index.js'
import { activations, type Draft, type Drafting } from './draft.js'
import { padded } from './native.js'

/** Float32 places for each of some channels, in whole blocks: two sums in double; four of a scale; two of means. */
const floatsPerChannel = { sums: 4, scale: 4, means: 2 } as const

type Sides = readonly number[]
const channelsOf = ([, channels = 0]: Sides): number => channels

/** How many channels there are, and how many values of each in a batch. */
const countsOf = ([batch = 0, channels = 0, height = 0, width = 0]: Sides): Draft['numbers'] => ({
  channels: [channels],
  count: [batch * height * width],
})

export class NormLowering {
  private readonly scales = new Map<string, string>()

  constructor(private readonly draft: Drafting) {}

  /** @param inputs of the node, laid out as they are read */
  forward(node: Node<'batchNorm'>, inputs: readonly string[]): void {
    const { draft } = this
    const [x = '', weight = '', bias = '', runningMean = '', runningVariance = '', residual = ''] = inputs
    const [y = '', mean = '', variance = ''] = node.outputs
    const { training, eps } = node.attributes
    const dims = draft.dims(x)
    let statistics: [string, string] = [runningMean, runningVariance]
    if (training) {
      const sums = this.sums(y, dims)
      const vector = (name: string) => draft.declare(name, [channelsOf(dims)], { layout: 'plain' })
      statistics = [mean || vector(`${y}.batchMean`), variance || vector(`${y}.batchVariance`)]
      draft.emit('normSums', [x], [sums])
      draft.emit('normStatistics', [sums], statistics, countsOf(dims))
    }
    const scale = this.scale([weight, bias, ...statistics], eps, y)
    draft.emit('normApply', [x, scale, residual], [y], activationOf(node))
  }

  /** @param inputs of the node, laid out as they are read */
  gradient(node: Node<'batchNormGradient'>, inputs: readonly string[]): void {
    const { draft } = this
    const [dy = '', x = '', weight = '', mean = '', variance = '', y = '', bias = ''] = inputs
    const [dx = '', dweight = '', dbias = '', dresidual = ''] = node.outputs
    const { training, eps } = node.attributes
    const dims = draft.dims(x)
    const base = dx || dweight || dbias || dresidual
    const scale = this.scale([weight, bias, mean, variance], eps, base)
    // What the activation passed follows from x where no residual was added: one array less to read.
    const seen = bias ? '' : y
    const activation = activationOf(node)
    const sums = this.sums(base, dims)
    const means = draft.declare(`${base}.means`, [padded(channelsOf(dims)) * floatsPerChannel.means], {
      layout: 'plain',
    })
    draft.emit('normGradientSums', [dy, x, scale, seen], [sums, dresidual], activation)
    const counts = { ...countsOf(dims), training: [Number(training)] }
    draft.emit('normGradientMeans', [sums, scale], [means, dweight, dbias], counts)
    if (dx && dresidual) draft.emit('normGradientApply', [dresidual, x, scale, means, ''], [dx], { activation: [0] })
    else if (dx) draft.emit('normGradientApply', [dy, x, scale, means, seen], [dx], activation)
  }

  private sums(base: string, dims: Sides): string {
    const sides = [dims[0] as number, padded(channelsOf(dims)) * floatsPerChannel.sums]
    return this.draft.declare(`${base}.sums`, sides, { layout: 'plain', batched: true })
  }

  /** The scale of a norm; its gradient finds the one that its forward pass made. */
  private scale(given: readonly [string, string, string, string], eps: number, base: string): string {
    const [weight, bias, mean, variance] = given
    const key = (shift: string) => [weight, shift, mean, variance, eps].join(' ')
    const known = this.scales.get(key(bias))
    if (known) return known
    const [channels = 0] = this.draft.dims(weight)
    const sides = [padded(channels) * floatsPerChannel.scale]
    const scale = this.draft.declare(`${base}.scale`, sides, { layout: 'plain' })
    this.draft.emit('normScale', given, [scale], { eps: [eps] })
    this.scales.set(key(bias), scale).set(key(''), scale)
    return scale
  }
}

/** The activation that follows a norm. */
const activationOf = ({ attributes }: Node<'batchNorm' | 'batchNormGradient'>): Draft['numbers'] => ({
  activation: [activations[attributes.activation]],
})
