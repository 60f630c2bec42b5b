/** What is done element by element: activations, sums, dropout, optimisers, averages; and the scale of clipped gradients. */
import { elements, type Node } from '../../../graph/index.js'
import type { Context } from './convolution.js'
import {
  activated,
  array,
  type Bound,
  elementwise,
  forEachGroup,
  type Kernel,
  type Lowered,
  passed,
  shares,
  threads,
  vectors,
} from './kernel.js'
import { totals } from './total.js'

/** Kernels also read scalars: inputs from the step's uniform buffer, computed ones from memory. */
export interface ScalarContext extends Context {
  /** The flat value in which another stands, and from which element on; or the value itself. */
  standing(name: string): { readonly value: string; readonly at: number }
  /** The code that reads a scalar, and what has to be bound for it under that variable. */
  scalar(variable: string, name: string): { readonly code: string; readonly bound: readonly Bound[] }
}

const one = (kernel: Kernel): Lowered => ({ kernels: [kernel] })
const out = (node: Node, i = 0) => node.outputs[i] as string

export const copy = (name: string, from: string, to: string, count: number): Kernel =>
  elementwise(name, count, [vectors('x', from), vectors('y', to)], 'y[i] = x[i];')

export const activation = (node: Node<'relu'> | Node<'relu6'>, { shape }: Context): Lowered =>
  one(
    elementwise(
      node.operator,
      elements(shape(out(node))),
      [vectors('x', node.inputs[0] as string), vectors('y', out(node))],
      `let value = x[i];
  y[i] = ${activated(node.operator, 'value', 'vec4f')};`,
    ),
  )

export const activationGradient = (node: Node<'reluGradient'> | Node<'relu6Gradient'>, { shape }: Context): Lowered =>
  one(
    elementwise(
      node.operator,
      elements(shape(out(node))),
      [vectors('dy', node.inputs[0] as string), vectors('y', node.inputs[1] as string), vectors('dx', out(node))],
      `dx[i] = ${passed(node.operator === 'reluGradient' ? 'relu' : 'relu6', 'dy[i]', 'y[i]', 'vec4f')};`,
    ),
  )

/** Sums and products of two tensors. */
export const pair = (node: Node<'add'> | Node<'dropout'>, { shape }: Context): Lowered =>
  one(
    elementwise(
      node.operator,
      elements(shape(out(node))),
      [vectors('a', node.inputs[0] as string), vectors('b', node.inputs[1] as string), vectors('y', out(node))],
      `y[i] = a[i] ${node.operator === 'add' ? '+' : '*'} b[i];`,
    ),
  )

export function blend(node: Node<'blend'>, { shape, scalar }: ScalarContext): Lowered {
  const [old, value, keepName, shareName] = node.inputs as [string, string, string, string]
  const [keep, share] = [scalar('keep', keepName), scalar('share', shareName)]
  const bound = [vectors('old', old), vectors('value', value), vectors('y', out(node)), ...keep.bound, ...share.bound]
  return one(
    elementwise('blend', elements(shape(old)), bound, `y[i] = ${keep.code} * old[i] + ${share.code} * value[i];`),
  )
}

export function runningStatistics(node: Node<'runningStatistics'>, { shape }: Context): Lowered {
  const [runningMean, runningVariance, mean, variance] = node.inputs as [string, string, string, string]
  const { momentum, count } = node.attributes
  const size = elements(shape(runningMean))
  const towards = (running: string, batch: string, to: string | undefined, scale: number) =>
    to
      ? [
          elementwise(
            'runningStatistics',
            size,
            [vectors('running', running), vectors('batch', batch), vectors('y', to)],
            `y[i] = running[i] + ${momentum} * (batch[i] * f32(${scale}) - running[i]);`,
          ),
        ]
      : []
  return {
    kernels: [
      ...towards(runningMean, mean, node.outputs[0], 1),
      ...towards(runningVariance, variance, node.outputs[1], count / Math.max(count - 1, 1)),
    ],
  }
}

export function sgd(node: Node<'sgd'>, { shape, scalar }: ScalarContext): Lowered {
  const [parameter, gradient, velocity, ...names] = node.inputs as [string, string, string, ...string[]]
  const scalars = ['rate', 'momentum', 'decay', 'scale'].flatMap((variable, i) =>
    names[i] ? [scalar(variable, names[i] as string)] : [],
  )
  const [rate, momentum, decay, scale] = scalars.map(({ code }) => code)
  return one(
    elementwise(
      'sgd',
      elements(shape(parameter)),
      [
        vectors('w', parameter),
        vectors('g', gradient),
        vectors('v', velocity),
        vectors('w1', out(node)),
        vectors('v1', out(node, 1)),
        ...scalars.flatMap(({ bound }) => bound),
      ],
      `let weight = w[i];
  let step = ${scale ? `${scale} * g[i]` : 'g[i]'} + ${decay} * weight;
  let speed = ${momentum} * v[i] + step;
  v1[i] = speed;
  w1[i] = weight - ${rate} * ${node.attributes.nesterov ? `(step + ${momentum} * speed)` : 'speed'};`,
    ),
  )
}

export function adamW(node: Node<'adamW'>, { shape, scalar }: ScalarContext): Lowered {
  const [parameter, gradient, first, second, ...names] = node.inputs as [string, string, string, string, ...string[]]
  const scalars = ['rate', 'decay', 'correction1', 'correction2', 'beta1', 'beta2', 'scale'].flatMap((variable, i) =>
    names[i] ? [scalar(variable, names[i] as string)] : [],
  )
  const [rate, decay, correction1, correction2, beta1, beta2, scale] = scalars.map(({ code }) => code)
  return one(
    elementwise(
      'adamW',
      elements(shape(parameter)),
      [
        vectors('w', parameter),
        vectors('g', gradient),
        vectors('m', first),
        vectors('v', second),
        vectors('w1', out(node)),
        vectors('m1', out(node, 1)),
        vectors('v1', out(node, 2)),
        ...scalars.flatMap(({ bound }) => bound),
      ],
      `let step = ${scale ? `${scale} * g[i]` : 'g[i]'};
  let moment = ${beta1} * m[i] + (1.0 - ${beta1}) * step;
  let square = ${beta2} * v[i] + (1.0 - ${beta2}) * step * step;
  let weight = w[i] * (1.0 - ${rate} * ${decay});
  m1[i] = moment;
  v1[i] = square;
  w1[i] = weight - (${rate} / ${correction1}) * moment / (sqrt(square / ${correction2}) + ${node.attributes.eps});`,
    ),
  )
}

/** A gradient that stands from element `at` on, and the workgroups that sum its squares: `parts` from `group` on, of `share` elements each. */
interface Piece {
  readonly at: number
  readonly count: number
  readonly group: number
  readonly parts: number
  readonly share: number
}

/** The code that finds the elements of a workgroup: a tree of comparisons, since gradients are of any size. */
function elementsOf(pieces: readonly Piece[]): string {
  const [first] = pieces as [Piece]
  if (pieces.length === 1)
    return `return part(group - ${first.group}u, ${first.at}u, ${first.share}u, ${first.at + first.count}u);`
  const half = pieces.length >> 1
  const [before, behind] = [pieces.slice(0, half), pieces.slice(half)]
  return `if (group < ${behind[0]!.group}u) { ${elementsOf(before)} } else { ${elementsOf(behind)} }`
}

/** Inputs: the limit and any number of gradients, each of which is summed by workgroups of its own; one kernel has all that stand in one flat value. */
export function clipScale(node: Node<'clipScale'>, { shape, scalar, standing, subgroups }: ScalarContext): Lowered {
  const [limitName, ...gradients] = node.inputs as [string, ...string[]]
  const limit = scalar('limit', limitName)
  const squares = `${out(node)}#squares`
  const pieces = new Map<string, Piece[]>()
  for (const gradient of gradients) {
    const { value, at } = standing(gradient)
    const own = pieces.get(value) ?? []
    pieces.set(value, own)
    const count = elements(shape(gradient))
    const parts = shares(count, 1)
    const last = own.at(-1)
    const group = last ? last.group + last.parts : 0
    own.push({ at, count, group, parts, share: Math.ceil(count / parts) })
  }
  let at = 0
  const sums = [...pieces].map(([value, own]) => {
    const { group, parts } = own.at(-1) as Piece
    const kernel = forEachGroup(
      'clipScale',
      group + parts,
      [array('g', value), array('squares', squares)],
      `var sum = 0.0;
  let own = elementsOf(group);
  for (var i = own.x + thread; i < own.y; i += ${threads}u) { sum = fma(g[i], g[i], sum); }
  let all = total(sum, thread);
  if (thread == 0u) { squares[${at}u + group] = all; }`,
      `${totals('f32', subgroups)}
fn part(number: u32, at: u32, share: u32, end: u32) -> vec2u {
  let first = at + number * share;
  return vec2u(first, min(first + share, end));
}
fn elementsOf(group: u32) -> vec2u { ${elementsOf(own)} }`,
    )
    at += group + parts
    return kernel
  })
  const scale = forEachGroup(
    'clipScale',
    1,
    [array('squares', squares), array('y', out(node)), ...limit.bound],
    `var sum = 0.0;
  for (var i = thread; i < ${at}u; i += ${threads}u) { sum += squares[i]; }
  let norm = sqrt(total(sum, thread));
  if (thread == 0u) { y[0] = min(1.0, ${limit.code} / (norm + 1e-6)); }`,
    totals('f32', subgroups),
  )
  return { kernels: [...sums, scale], scratch: [{ name: squares, elements: at }] }
}
