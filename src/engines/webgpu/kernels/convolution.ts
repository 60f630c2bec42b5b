/** Convolutions and their gradients as implicit products: patches of images are factors that are never written down. */
import { elements, type Node, type Shape } from '../../../graph/index.js'
import { type DeviceClass, tileFor } from '../tiles.js'
import { activated, array, forEach, type Lowered, vectors } from './kernel.js'
import { type Factor, product } from './product.js'
import type { Subgroups } from './total.js'

/** What a lowering is given beside the node. */
export interface Context {
  readonly device: DeviceClass
  readonly subgroups: Subgroups
  shape(name: string): Shape
}

type Image = readonly [number, number, number, number]

/** Behind every row and column of an image, where a patch reads zeros. */
const outside = 1 << 24

/** Offsets of taps in an image: depth is (channel, row, column) of the window. */
const tapStep = (taps: number, width: number, area: number) => `
  let tap = depth % ${taps}u;
  return vec3i(i32(depth / ${taps}u) * ${area}, i32(tap / ${width}u), i32(tap % ${width}u));`

/** A factor whose lines are pixels of y (image, row, column) and whose depth are taps: patches of x. */
function patches(node: Node<'conv2d'>, x: Image, weight: Image, y: Image, count: number): Factor {
  const [, channels, height, width] = x
  const [, perGroup, kernelHeight, kernelWidth] = weight
  const { stride, padding } = node.attributes
  const area = y[2] * y[3]
  const first = `i32(line / ${area}u) * ${channels * height * width} + i32(product) * ${perGroup * height * width}`
  const pointwise = kernelHeight * kernelWidth === 1 && stride[0] * stride[1] === 1 && padding.every(side => side === 0)
  if (pointwise && area % 4 === 0)
    return {
      line: `return vec3i(select(-1, (${first} + i32(line % ${area}u)) / 4, line < ${count}u), 0, 0);`,
      step: `return vec3i(i32(depth) * ${area / 4}, 0, 0);`,
      value: 'return 0;',
      four: 'if (line.x < 0) { return vec4f(0); } return x[line.x + step.x];',
      along: 'line',
    }
  return {
    line: `
  let pixel = line % ${area}u;
  if (line >= ${count}u) { return vec3i(0, ${outside}, 0); }
  return vec3i(${first}, i32(pixel / ${y[3]}u) * ${stride[0]} - ${padding[0]}, i32(pixel % ${y[3]}u) * ${stride[1]} - ${padding[1]});`,
    step: tapStep(kernelHeight * kernelWidth, kernelWidth, height * width),
    value: `
  let row = line.y + step.y;
  let column = line.z + step.z;
  if (u32(row) >= ${height}u || u32(column) >= ${width}u) { return 0; }
  return x[line.x + step.x + row * ${width} + column];`,
    along: 'line',
  }
}

/** Inputs: x, weight, optionally bias and residual. */
export function conv2d(node: Node<'conv2d'>, { device, shape }: Context): Lowered {
  const [xName, weightName, bias, residual] = node.inputs as [string, string, string?, string?]
  const [x, weight, y] = [xName, weightName, node.outputs[0] as string].map(shape) as [Image, Image, Image]
  const { groups, activation } = node.attributes
  const [rows, depth, area] = [weight[0] / groups, elements(weight.slice(1)), y[2] * y[3]]
  const columns = y[0] * area
  const right = patches(node, x, weight, y, columns)
  const sum = `value${bias ? ' + bias[filter]' : ''}${residual ? ' + residual[to]' : ''}`
  const kernel = product(
    {
      name: 'conv2d',
      rows,
      columns,
      depth,
      products: groups,
      left: {
        line: `return vec3i(i32((product * ${rows}u + min(line, ${rows - 1}u)) * ${depth}u), 0, 0);`,
        step: 'return vec3i(i32(depth), 0, 0);',
        value: 'return weight[line.x + step.x];',
        along: 'depth',
      },
      right,
      store: `let filter = product * ${rows}u + row;
  let to = (column / ${area}u * ${weight[0]}u + filter) * ${area}u + column % ${area}u;
  let sum = ${sum};
  y[to] = ${activated(activation, 'sum')};`.replaceAll('filter', 'channel'),
      bound: [
        right.four ? vectors('x', xName) : array('x', xName),
        array('weight', weightName),
        ...(bias ? [array('bias', bias)] : []),
        ...(residual ? [array('residual', residual)] : []),
        array('y', node.outputs[0] as string),
      ],
    },
    tileFor(device, rows, columns, groups),
  )
  return { kernels: [kernel] }
}

/** Inputs: dy, weight. The depth is (filter, tap); lines are pixels of x, at which few taps meet a pixel of dy where strides are 2. */
export function conv2dInputGradient(node: Node<'conv2dInputGradient'>, { device, shape }: Context): Lowered {
  const [dyName, weightName] = node.inputs as [string, string]
  const [dy, weight, dx] = [dyName, weightName, node.outputs[0] as string].map(shape) as [Image, Image, Image]
  const { groups, stride, padding } = node.attributes
  const [filters, perGroup, kernelHeight, kernelWidth] = weight
  const taps = kernelHeight * kernelWidth
  const perProduct = filters / groups
  const area = dx[2] * dx[3]
  const outArea = dy[2] * dy[3]
  const columns = dx[0] * area
  const first = `i32(line / ${area}u) * ${filters * outArea} + i32(product) * ${perProduct * outArea}`
  const pointwise = taps === 1 && stride[0] * stride[1] === 1 && padding.every(side => side === 0) && area % 4 === 0
  const divided = (value: string, by: number) => (by === 1 ? value : `${value} / ${by}`)
  const misses = [0, 1]
    .filter(axis => stride[axis]! > 1)
    .map(axis => `${axis === 0 ? 'down' : 'across'} % ${stride[axis]} != 0`)
  const right: Factor = pointwise
    ? {
        line: `return vec3i(select(-1, (${first} + i32(line % ${area}u)) / 4, line < ${columns}u), 0, 0);`,
        step: `return vec3i(i32(depth) * ${area / 4}, 0, 0);`,
        value: 'return 0;',
        four: 'if (line.x < 0) { return vec4f(0); } return dy[line.x + step.x];',
        along: 'line',
      }
    : {
        line: `
  let pixel = line % ${area}u;
  if (line >= ${columns}u) { return vec3i(0, ${-outside}, 0); }
  return vec3i(${first}, i32(pixel / ${dx[3]}u) + ${padding[0]}, i32(pixel % ${dx[3]}u) + ${padding[1]});`,
        step: tapStep(taps, kernelWidth, outArea),
        value: `
  let down = line.y - step.y;
  let across = line.z - step.z;
  if (${['down < 0', 'across < 0', ...misses].join(' || ')}) { return 0; }
  let row = ${divided('down', stride[0])};
  let column = ${divided('across', stride[1])};
  if (row >= ${dy[2]} || column >= ${dy[3]}) { return 0; }
  return dy[line.x + step.x + row * ${dy[3]} + column];`,
        along: 'line',
      }
  const kernel = product(
    {
      name: 'conv2dInputGradient',
      rows: perGroup,
      columns,
      depth: perProduct * taps,
      products: groups,
      left: {
        line: `return vec3i(i32(min(line, ${perGroup - 1}u)) * ${taps}, 0, 0);`,
        step: `return vec3i(i32((product * ${perProduct}u + depth / ${taps}u) * ${perGroup * taps}u + depth % ${taps}u), 0, 0);`,
        value: 'return weight[line.x + step.x];',
        along: 'line',
      },
      right,
      store: `dx[(column / ${area}u * ${dx[1]}u + product * ${perGroup}u + row) * ${area}u + column % ${area}u] = value;`,
      bound: [
        pointwise ? vectors('dy', dyName) : array('dy', dyName),
        array('weight', weightName),
        array('dx', node.outputs[0] as string),
      ],
    },
    tileFor(device, perGroup, columns, groups),
  )
  return { kernels: [kernel] }
}

/** Inputs: x, dy. The depth are the pixels of all images: its parts are summed apart and then added in order. */
export function conv2dWeightGradient(node: Node<'conv2dWeightGradient'>, { device, shape }: Context): Lowered {
  const [xName, dyName] = node.inputs as [string, string]
  const out = node.outputs[0] as string
  const [x, dy, dweight] = [xName, dyName, out].map(shape) as [Image, Image, Image]
  const { groups, stride, padding } = node.attributes
  const [filters, perGroup, kernelHeight, kernelWidth] = dweight
  const [, channels, height, width] = x
  const taps = kernelHeight * kernelWidth
  const area = dy[2] * dy[3]
  const rows = filters / groups
  const columns = perGroup * taps
  const depth = dy[0] * area
  const tile = tileFor(device, rows, columns, groups * Math.ceil(depth / 1024))
  const tileCount = Math.ceil(rows / tile.rows) * Math.ceil(columns / tile.columns) * groups
  // Beside filling the device, parts keep the sums short, and with them their rounding errors.
  const parts = Math.max(1, Math.min(64, Math.ceil(depth / 512), Math.max(8, Math.ceil(512 / tileCount))))
  const partial = `${out}#parts`
  const to = parts === 1 ? out : partial
  const kernel = product(
    {
      name: 'conv2dWeightGradient',
      rows,
      columns,
      depth,
      products: groups,
      parts,
      left: {
        line: `return vec3i(i32(product * ${rows}u + min(line, ${rows - 1}u)) * ${area}, 0, 0);`,
        step: `return vec3i(i32(depth / ${area}u) * ${filters * area} + i32(depth % ${area}u), 0, 0);`,
        value: 'return dy[line.x + step.x];',
        along: 'depth',
      },
      right: {
        line: `
  let tap = line % ${taps}u;
  if (line >= ${columns}u) { return vec3i(0, ${outside}, 0); }
  return vec3i((i32(product) * ${perGroup} + i32(line / ${taps}u)) * ${height * width}, i32(tap / ${kernelWidth}u) - ${padding[0]}, i32(tap % ${kernelWidth}u) - ${padding[1]});`,
        step: `
  let pixel = depth % ${area}u;
  return vec3i(i32(depth / ${area}u) * ${channels * height * width}, i32(pixel / ${dy[3]}u) * ${stride[0]}, i32(pixel % ${dy[3]}u) * ${stride[1]});`,
        value: `
  let row = line.y + step.y;
  let column = line.z + step.z;
  if (u32(row) >= ${height}u || u32(column) >= ${width}u) { return 0; }
  return x[line.x + step.x + row * ${width} + column];`,
        along: 'depth',
      },
      store: `dweight[(part * ${filters}u + product * ${rows}u + row) * ${columns}u + column] = value;`,
      bound: [array('x', xName), array('dy', dyName), array('dweight', to)],
    },
    tile,
  )
  if (parts === 1) return { kernels: [kernel] }
  const size = filters * columns
  return {
    kernels: [kernel, addParts('conv2dWeightGradient', partial, out, size, parts)],
    scratch: [{ name: partial, elements: parts * size }],
  }
}

/** Adds arrays of `size` that stand one behind the other. */
export const addParts = (name: string, from: string, to: string, size: number, parts: number) =>
  forEach(
    name,
    size,
    [array('partial', from), array('y', to)],
    `var sum = 0.0;
  for (var part = 0u; part < ${parts}u; part++) { sum += partial[part * ${size}u + i]; }
  y[i] = sum;`,
  )
