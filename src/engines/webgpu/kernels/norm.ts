/** Batch norms: statistics in two steps of exact parts, application, and the gradient. */
import { elements, type Node } from '../../../graph/index.js'
import type { Context } from './convolution.js'
import {
  activated,
  array,
  type Bound,
  forEach,
  forEachGroup,
  type Lowered,
  passed,
  shares,
  team,
  vectors,
} from './kernel.js'
import { type Subgroups, totals } from './total.js'

type Image = readonly [number, number, number, number]

/** How the values of a channel are shared among workgroups; each finds value `at` of its channel at `place(at)`. */
function channelShares([batch, channels, height, width]: Image) {
  const area = height * width
  const count = batch * area
  const parts = shares(count, channels)
  const share = Math.ceil(count / parts)
  const size = team(share)
  return {
    size,
    count,
    parts,
    share,
    begin: `let channel = group % ${channels}u;
  let part = group / ${channels}u;
  let first = part * ${share}u;
  let end = min(first + ${share}u, ${count}u);`,
    place: `fn place(at: u32, channel: u32) -> u32 { return (at / ${area}u * ${channels}u + channel) * ${area}u + at % ${area}u; }`,
    loop: (body: string) => `for (var at = first + thread; at < end; at += ${size}u) {
    let i = place(at, channel);
    ${body}
  }`,
  }
}

/** Arrays of vec4f where a plane is a multiple of four, so that four values have one channel. */
function byPlane([, channels, height, width]: Image) {
  const area = height * width
  const four = area % 4 === 0
  return {
    type: four ? ('vec4f' as const) : ('f32' as const),
    bind: (variable: string, value: string): Bound => (four ? vectors : array)(variable, value),
    threads: (count: number) => (four ? count / 4 : count),
    channel: `let channel = i / ${four ? area / 4 : area}u % ${channels}u;`,
  }
}

/** Mean and variance of each channel: each share's own mean and squares around it, then all shares' together (Chan et al. 1979). */
function statistics(
  [x, mean, variance, scratch]: readonly [string, string, string, string],
  shape: Image,
  subgroups: Subgroups,
): Lowered {
  const channels = shape[1]
  const { count, parts, share, size, begin, place, loop } = channelShares(shape)
  const shareKernel = forEachGroup(
    'batchNorm',
    channels * parts,
    [array('x', x), array('partial', scratch)],
    `${begin}
  let shift = x[place(first, channel)];
  var sum = 0.0;
  ${loop('sum += x[i] - shift;')}
  let mean = shift + total(sum, thread) / f32(end - first);
  var squares = 0.0;
  ${loop('let apart = x[i] - mean; squares = fma(apart, apart, squares);')}
  let all = total(squares, thread);
  if (thread == 0u) { partial[2u * group] = mean; partial[2u * group + 1u] = all; }`,
    `${totals('f32', subgroups, size)}\n${place}`,
    size,
  )
  const joined = forEach(
    'batchNorm',
    channels,
    [array('partial', scratch), array('mean', mean), array('variance', variance)],
    `var count = 0.0; var average = 0.0; var squares = 0.0;
  for (var part = 0u; part < ${parts}u; part++) {
    let at = 2u * (part * ${channels}u + i);
    let more = f32(min(${share}u, ${count}u - part * ${share}u));
    let apart = partial[at] - average;
    let both = count + more;
    average += apart * (more / both);
    squares += partial[at + 1u] + apart * apart * (count * more / both);
    count = both;
  }
  mean[i] = average;
  variance[i] = squares / ${count}.0;`,
  )
  return { kernels: [shareKernel, joined], scratch: [{ name: scratch, elements: 2 * channels * parts }] }
}

/** Inputs: x, weight, bias, running mean, running variance, optionally residual. */
export function batchNorm(node: Node<'batchNorm'>, { shape, subgroups }: Context): Lowered {
  const [x, weight, bias, runningMean, runningVariance, residual] = node.inputs as [
    string,
    string,
    string,
    string,
    string,
    string?,
  ]
  const y = node.outputs[0] as string
  const { eps, training, activation } = node.attributes
  const size = shape(x) as Image
  const own = training
    ? { mean: node.outputs[1] || `${y}#mean`, variance: node.outputs[2] || `${y}#variance` }
    : { mean: runningMean, variance: runningVariance }
  const found = training ? statistics([x, own.mean, own.variance, `${y}#shares`], size, subgroups) : { kernels: [] }
  const { type, bind, threads, channel } = byPlane(size)
  const apply = forEach(
    'batchNorm',
    threads(elements(size)),
    [
      bind('x', x),
      array('weight', weight),
      array('bias', bias),
      array('mean', own.mean),
      array('variance', own.variance),
      ...(residual ? [bind('residual', residual)] : []),
      bind('y', y),
    ],
    `${channel}
  let scale = weight[channel] / sqrt(variance[channel] + ${eps});
  let normal = (x[i] - mean[channel]) * scale + bias[channel]${residual ? ' + residual[i]' : ''};
  y[i] = ${activated(activation, 'normal', type)};`,
  )
  const unnamed = [own.mean, own.variance].filter(name => name.includes('#'))
  return {
    kernels: [...found.kernels, apply],
    scratch: [...(found.scratch ?? []), ...unnamed.map(name => ({ name, elements: size[1] }))],
  }
}

/** Inputs: dy, x, weight, mean, variance, y where there is an activation. Outputs: dx, dweight, dbias, dresidual. */
export function batchNormGradient(node: Node<'batchNormGradient'>, { shape, subgroups }: Context): Lowered {
  const [dy, x, weight, mean, variance, y] = node.inputs as [string, string, string, string, string, string?]
  const [dx, dweightName, dbiasName, dresidual] = node.outputs as [string, string?, string?, string?]
  const base = node.outputs.find(name => name) as string
  const { eps, training, activation } = node.attributes
  const size = shape(x) as Image
  const channels = size[1]
  const { count, parts, size: members, begin, place, loop } = channelShares(size)
  const dweight = dweightName || `${base}#dweight`
  const dbias = dbiasName || `${base}#dbias`
  const partial = `${base}#shares`
  /** What the gradient of an element needs to know of its channel. */
  const ofChannel = `${base}#channels`
  const centred = training && dx
  const masked = y ? [array('y', y)] : []
  const d = (type: 'f32' | 'vec4f') => (y ? passed(activation, 'dy[i]', 'y[i]', type) : 'dy[i]')
  const summed = (training && dx) || dweightName || dbiasName
  const sums = [
    forEachGroup(
      'batchNormGradient',
      channels * parts,
      [
        array('dy', dy),
        array('x', x),
        array('mean', mean),
        array('variance', variance),
        ...masked,
        array('partial', partial),
      ],
      `${begin}
  let centre = mean[channel];
  var sums = vec2f(0);
  ${loop(`let d = ${d('f32')}; sums += vec2f(d, d * (x[i] - centre));`)}
  let all = total(sums, thread);
  if (thread == 0u) {
    partial[2u * group] = all.x;
    partial[2u * group + 1u] = all.y / sqrt(variance[channel] + ${eps});
  }`,
      `${totals('vec2f', subgroups, members)}\n${place}`,
      members,
    ),
    forEach(
      'batchNormGradient',
      channels,
      [
        array('partial', partial),
        array('dweight', dweight),
        array('dbias', dbias),
        ...(centred
          ? [array('weight', weight), array('mean', mean), array('variance', variance), vectors('own', ofChannel)]
          : []),
      ],
      `var sums = vec2f(0);
  for (var part = 0u; part < ${parts}u; part++) {
    let at = 2u * (part * ${channels}u + i);
    sums += vec2f(partial[at], partial[at + 1u]);
  }
  dbias[i] = sums.x;
  dweight[i] = sums.y;${
    centred
      ? `
  let inverse = 1.0 / sqrt(variance[i] + ${eps});
  own[i] = vec4f(mean[i], weight[i] * inverse, sums.x / ${count}.0, sums.y / ${count}.0 * inverse);`
      : ''
  }`,
    ),
  ]
  const { type, bind, threads: over, channel } = byPlane(size)
  // No more values than eight, which every device lets a kernel have
  const changed = training
    ? `let at = own[channel];\n  dx[i] = at.y * (d - at.z - (x[i] - at.x) * at.w);`
    : `dx[i] = weight[channel] / sqrt(variance[channel] + ${eps}) * d;`
  const apply = forEach(
    'batchNormGradient',
    over(elements(size)),
    [
      bind('dy', dy),
      ...(y ? [bind('y', y)] : []),
      ...(dx ? [bind('dx', dx)] : []),
      ...(centred ? [bind('x', x), vectors('own', ofChannel)] : []),
      ...(dx && !training ? [array('weight', weight), array('variance', variance)] : []),
      ...(dresidual ? [bind('dresidual', dresidual)] : []),
    ],
    `let d = ${d(type)};
  ${dresidual ? 'dresidual[i] = d;' : ''}
  ${dx ? `${channel}\n  ${changed}` : ''}`,
  )
  const unnamed = [dweight, dbias].filter(name => name.includes('#'))
  return {
    kernels: [...(summed ? sums : []), ...(dx || dresidual ? [apply] : [])],
    scratch: [
      { name: partial, elements: 2 * channels * parts },
      { name: ofChannel, elements: 4 * channels },
      ...unnamed.map(name => ({ name, elements: channels })),
    ],
  }
}
