/** Batch normalisation (Ioffe and Szegedy 2015) over batch, height and width, with optional residual input and activation. */
import { elements, type Shape } from '../graph.js'
import { expectSame, imageShape, type Operator, required, type Tensor, zeros } from '../operator.js'
import { activate, passes } from './activation.js'

/** Channel of each element of a [N, C, H, W] tensor. */
function channelOf(shape: Shape): (index: number) => number {
  const [, channels, height, width] = imageShape(shape)
  return index => Math.floor(index / (height * width)) % channels
}

/** Sum over batch, height and width of `term`, per channel. */
function perChannel(shape: Shape, term: (index: number, channel: number) => number): Tensor {
  const [batch, channels, height, width] = imageShape(shape)
  const area = height * width
  const sums = zeros([channels])
  for (let n = 0; n < batch; n++)
    for (let c = 0; c < channels; c++) {
      const first = (n * channels + c) * area
      let sum = sums.data[c]!
      for (let i = first; i < first + area; i++) sum += term(i, c)
      sums.data[c] = sum
    }
  return sums
}

/**
 * Inputs: x [N, C, H, W], weight [C], bias [C], running mean [C], running variance [C], optionally residual (as x).
 * Outputs: y; in training also the batch's mean [C] and biased variance [C].
 */
export const batchNorm: Operator<'batchNorm'> = {
  shapes: ([x, weight, bias, runningMean, runningVariance, residual], { training }) => {
    const [, channels] = imageShape(x)
    for (const [what, shape] of Object.entries({ weight, bias, runningMean, runningVariance }))
      expectSame(what, shape, [channels])
    if (residual) expectSame('residual', residual, x as Shape)
    return training ? [x as Shape, [channels], [channels]] : [x as Shape]
  },
  gradient: ({ builder, attributes, inputs, outputs, outputGradient, wants }) => {
    const { eps, training, activation } = attributes
    const [x, weight, bias, runningMean, runningVariance, residual] = inputs as [string, string, string, ...string[]]
    const [y, mean, variance] = outputs as [string, string?, string?]
    // Without an activation the residual's gradient is the output's, so only a masked one is an output of the node.
    const masked = residual !== undefined && residual !== '' && activation !== 'none'
    const [dx, dweight, dbias, dresidual] = builder.node(
      'batchNormGradient',
      `${y}.grad`,
      [
        outputGradient,
        x,
        weight,
        training ? (mean as string) : (runningMean as string),
        training ? (variance as string) : (runningVariance as string),
        activation === 'none' ? '' : y,
        // Without a residual, what the activation did follows from x too, which an engine reads anyway.
        activation === 'none' || residual ? '' : bias,
      ],
      { eps, training, activation },
      masked ? ['dx', 'dweight', 'dbias', 'dresidual'] : ['dx', 'dweight', 'dbias'],
    )
    return [
      wants(0) ? dx : undefined,
      wants(1) ? dweight : undefined,
      wants(2) ? dbias : undefined,
      undefined,
      undefined,
      residual && wants(5) ? (masked ? dresidual : outputGradient) : undefined,
    ]
  },
  flops: ([x], _, { training }) => elements(x as Shape) * (training ? 7 : 2),
  reference: (inputs, { eps, training, activation }) => {
    const [x, weight, bias, runningMean, runningVariance] = [0, 1, 2, 3, 4].map(i => required(inputs, i)) as [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
      Tensor,
    ]
    const residual = inputs[5]
    const count = elements(x.shape) / (x.shape[1] as number)
    let mean = runningMean
    let variance = runningVariance
    if (training) {
      mean = perChannel(x.shape, i => x.data[i]! / count)
      variance = perChannel(x.shape, (i, c) => (x.data[i]! - mean.data[c]!) ** 2 / count)
    }
    const channel = channelOf(x.shape)
    const data = x.data.map((value, i) => {
      const c = channel(i)
      const normalised = (value - mean.data[c]!) / Math.sqrt(variance.data[c]! + eps)
      return activate(activation, normalised * weight.data[c]! + bias.data[c]! + (residual?.data[i] ?? 0))
    })
    const y = { shape: x.shape, data }
    return training ? [y, mean, variance] : [y]
  },
}

/**
 * Inputs: dy, x, weight, mean, variance, y where there is an activation, and bias where there is one but no residual.
 * Outputs: dx, dweight, dbias, and dresidual (dy where the activation passes it).
 *
 * With h = (x - mean) / sqrt(variance + eps), d the masked dy and E the mean over a channel's values, training has
 * dx = weight / sqrt(variance + eps) * (d - E[d] - h E[d h]); on stored statistics the two means vanish.
 */
export const batchNormGradient: Operator<'batchNormGradient'> = {
  shapes: ([dy, x, weight]) => {
    expectSame('dy', dy, x as Shape)
    return [x as Shape, weight as Shape, weight as Shape, x as Shape]
  },
  flops: ([x], _, { training }) => elements(x as Shape) * (training ? 11 : 6),
  reference: (inputs, { eps, training, activation }) => {
    const [dy, x, weight, mean, variance] = [0, 1, 2, 3, 4].map(i => required(inputs, i)) as [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
      Tensor,
    ]
    const y = inputs[5]
    const count = elements(x.shape) / (x.shape[1] as number)
    const channel = channelOf(x.shape)
    const inverse = variance.data.map(value => 1 / Math.sqrt(value + eps))
    const normalised = (i: number, c: number) => (x.data[i]! - mean.data[c]!) * inverse[c]!
    const d = dy.data.map((value, i) => (y && !passes(activation, y.data[i]!) ? 0 : value))
    const dbias = perChannel(x.shape, i => d[i]!)
    const dweight = perChannel(x.shape, (i, c) => d[i]! * normalised(i, c))
    const dx = d.map((value, i) => {
      const c = channel(i)
      const centred = training ? value - dbias.data[c]! / count - (normalised(i, c) * dweight.data[c]!) / count : value
      return weight.data[c]! * inverse[c]! * centred
    })
    return [{ shape: x.shape, data: dx }, dweight, dbias, { shape: x.shape, data: d }]
  },
}
