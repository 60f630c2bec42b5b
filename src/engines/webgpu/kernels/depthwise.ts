/** Depthwise convolutions and their gradients, which read each plane by itself. */
import type { Node } from '../../../graph/index.js'
import { addParts, type Context } from './convolution.js'
import { activated, array, forEach, forEachGroup, type Lowered, shares, team } from './kernel.js'
import { totals } from './total.js'

type Image = readonly [number, number, number, number]
const range = (count: number) => Array.from({ length: count }, (_, i) => i)

/** Whether each filter reads one channel, and each channel is read by one filter. */
export const isDepthwise = (weight: readonly number[], groups: number): boolean =>
  groups > 1 && weight[1] === 1 && weight[0] === groups

export function depthwise(node: Node<'conv2d'>, { shape }: Context): Lowered {
  const [xName, weightName, bias, residual] = node.inputs as [string, string, string?, string?]
  const out = node.outputs[0] as string
  const [x, weight, y] = [xName, weightName, out].map(shape) as [Image, Image, Image]
  const [, channels, height, width] = x
  const [, , kernelHeight, kernelWidth] = weight
  const { stride, padding, activation } = node.attributes
  const sum = `sum${bias ? ' + bias[channel]' : ''}${residual ? ' + residual[i]' : ''}`
  const kernel = forEach(
    'conv2d',
    y[0] * y[1] * y[2] * y[3],
    [
      array('x', xName),
      array('weight', weightName),
      ...(bias ? [array('bias', bias)] : []),
      ...(residual ? [array('residual', residual)] : []),
      array('y', out),
    ],
    `let plane = i / ${y[2] * y[3]}u;
  let channel = plane % ${channels}u;
  let top = i32(i / ${y[3]}u % ${y[2]}u) * ${stride[0]} - ${padding[0]};
  let left = i32(i % ${y[3]}u) * ${stride[1]} - ${padding[1]};
  var sum = 0.0;
  for (var r = 0; r < ${kernelHeight}; r++) {
    let row = top + r;
    if (u32(row) >= ${height}u) { continue; }
    for (var s = 0; s < ${kernelWidth}; s++) {
      let column = left + s;
      if (u32(column) >= ${width}u) { continue; }
      sum = fma(x[i32(plane) * ${height * width} + row * ${width} + column], weight[i32(channel) * ${kernelHeight * kernelWidth} + r * ${kernelWidth} + s], sum);
    }
  }
  let all = ${sum};
  y[i] = ${activated(activation, 'all')};`,
  )
  return { kernels: [kernel] }
}

export function depthwiseInputGradient(node: Node<'conv2dInputGradient'>, { shape }: Context): Lowered {
  const [dyName, weightName] = node.inputs as [string, string]
  const out = node.outputs[0] as string
  const [dy, weight, dx] = [dyName, weightName, out].map(shape) as [Image, Image, Image]
  const [, channels, height, width] = dx
  const [, , kernelHeight, kernelWidth] = weight
  const { stride, padding } = node.attributes
  const kernel = forEach(
    'conv2dInputGradient',
    dx[0] * dx[1] * dx[2] * dx[3],
    [array('dy', dyName), array('weight', weightName), array('dx', out)],
    `let plane = i / ${height * width}u;
  let channel = i32(plane % ${channels}u);
  let top = i32(i / ${width}u % ${height}u) + ${padding[0]};
  let left = i32(i % ${width}u) + ${padding[1]};
  var sum = 0.0;
  for (var r = 0; r < ${kernelHeight}; r++) {
    let down = top - r;
    if (down < 0 || down % ${stride[0]} != 0 || down / ${stride[0]} >= ${dy[2]}) { continue; }
    for (var s = 0; s < ${kernelWidth}; s++) {
      let across = left - s;
      if (across < 0 || across % ${stride[1]} != 0 || across / ${stride[1]} >= ${dy[3]}) { continue; }
      sum = fma(dy[(i32(plane) * ${dy[2]} + down / ${stride[0]}) * ${dy[3]} + across / ${stride[1]}], weight[(channel * ${kernelHeight} + r) * ${kernelWidth} + s], sum);
    }
  }
  dx[i] = sum;`,
  )
  return { kernels: [kernel] }
}

/** A workgroup sums all taps of a channel over a share of its pixels. */
export function depthwiseWeightGradient(node: Node<'conv2dWeightGradient'>, { shape, subgroups }: Context): Lowered {
  const [xName, dyName] = node.inputs as [string, string]
  const out = node.outputs[0] as string
  const [x, dy, dweight] = [xName, dyName, out].map(shape) as [Image, Image, Image]
  const [, channels, height, width] = x
  const [, , kernelHeight, kernelWidth] = dweight
  const { stride, padding } = node.attributes
  const taps = kernelHeight * kernelWidth
  // Four taps are one number: a sum over a workgroup is long, and a driver compiles each anew.
  const fours = range(Math.ceil(taps / 4))
  const lanes = (four: number) =>
    range(4)
      .map(lane => 4 * four + lane)
      .map(tap =>
        tap < taps ? `pixelOf(plane, top + ${Math.floor(tap / kernelWidth)}, left + ${tap % kernelWidth})` : '0.0',
      )
      .join(', ')
  const written = (four: number) =>
    range(Math.min(4, taps - 4 * four))
      .map(lane => `dweight[first + ${4 * four + lane}u] = total${four}[${lane}];`)
      .join(' ')
  const area = dy[2] * dy[3]
  const count = dy[0] * area
  const parts = shares(count, channels)
  const share = Math.ceil(count / parts)
  const size = team(share)
  const partial = `${out}#parts`
  const kernel = forEachGroup(
    'conv2dWeightGradient',
    channels * parts,
    [array('x', xName), array('dy', dyName), array('dweight', parts === 1 ? out : partial)],
    `let channel = group % ${channels}u;
  let part = group / ${channels}u;
  ${fours.map(four => `var sum${four} = vec4f();`).join(' ')}
  let end = min((part + 1u) * ${share}u, ${count}u);
  for (var at = part * ${share}u + thread; at < end; at += ${size}u) {
    let plane = at / ${area}u * ${channels}u + channel;
    let pixel = at % ${area}u;
    let d = dy[plane * ${area}u + pixel];
    let top = i32(pixel / ${dy[3]}u) * ${stride[0]} - ${padding[0]};
    let left = i32(pixel % ${dy[3]}u) * ${stride[1]} - ${padding[1]};
    ${fours.map(four => `sum${four} = fma(vec4f(d), vec4f(${lanes(four)}), sum${four});`).join('\n    ')}
  }
  let first = (part * ${channels}u + channel) * ${taps}u;
  ${fours.map(four => `let total${four} = total(sum${four}, thread); if (thread == 0u) { ${written(four)} }`).join('\n  ')}`,
    `${totals('vec4f', subgroups, size)}
fn pixelOf(plane: u32, row: i32, column: i32) -> f32 {
  // Without branches: a driver compiles each place where it is used
  let inside = (u32(row) < ${height}u) & (u32(column) < ${width}u);
  return select(0.0, x[select(0, i32(plane) * ${height * width} + row * ${width} + column, inside)], inside);
}`,
    size,
  )
  if (parts === 1) return { kernels: [kernel] }
  const all = channels * taps
  return {
    kernels: [kernel, addParts('conv2dWeightGradient', partial, out, all, parts)],
    scratch: [{ name: partial, elements: parts * all }],
  }
}
