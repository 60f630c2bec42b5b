/** The fully connected layer and its gradients, as products of matrices that are read as they stand. */
import type { Node } from '../../../graph/index.js'
import { tileFor } from '../tiles.js'
import type { Context } from './convolution.js'
import { array, forEach, type Lowered } from './kernel.js'
import { type Factor, product } from './product.js'

/** A matrix whose rows are lines, or whose columns are; with as many columns as `width`. */
function matrix(variable: string, linesAre: 'rows' | 'columns', lines: number, width: number): Factor {
  const [line, step] = linesAre === 'rows' ? [width, 1] : [1, width]
  return {
    line: `return vec3i(i32(min(line, ${lines - 1}u)) * ${line}, 0, 0);`,
    step: `return vec3i(i32(depth) * ${step}, 0, 0);`,
    value: `return ${variable}[line.x + step.x];`,
    along: linesAre === 'rows' ? 'depth' : 'line',
  }
}

type Matrix = readonly [number, number]

/** Inputs: x [N, in], weight [out, in], bias [out]. */
export function linear(node: Node<'linear'>, { device, shape }: Context): Lowered {
  const [x, weight, bias] = node.inputs as [string, string, string]
  const [rows, depth] = shape(x) as Matrix
  const [columns] = shape(weight) as Matrix
  const kernel = product(
    {
      name: 'linear',
      rows,
      columns,
      depth,
      left: matrix('x', 'rows', rows, depth),
      right: matrix('weight', 'rows', columns, depth),
      store: `y[row * ${columns}u + column] = value + bias[column];`,
      bound: [array('x', x), array('weight', weight), array('bias', bias), array('y', node.outputs[0] as string)],
    },
    tileFor(device, rows, columns),
  )
  return { kernels: [kernel] }
}

/** Inputs: dy [N, out], weight [out, in]. */
export function linearInputGradient(node: Node<'linearInputGradient'>, { device, shape }: Context): Lowered {
  const [dy, weight] = node.inputs as [string, string]
  const [rows, depth] = shape(dy) as Matrix
  const [, columns] = shape(weight) as Matrix
  const kernel = product(
    {
      name: 'linearInputGradient',
      rows,
      columns,
      depth,
      left: matrix('dy', 'rows', rows, depth),
      right: matrix('weight', 'columns', columns, columns),
      store: `dx[row * ${columns}u + column] = value;`,
      bound: [array('dy', dy), array('weight', weight), array('dx', node.outputs[0] as string)],
    },
    tileFor(device, rows, columns),
  )
  return { kernels: [kernel] }
}

/** Inputs: x [N, in], dy [N, out]. */
export function linearWeightGradient(node: Node<'linearWeightGradient'>, { device, shape }: Context): Lowered {
  const [x, dy] = node.inputs as [string, string]
  const [depth, columns] = shape(x) as Matrix
  const [, rows] = shape(dy) as Matrix
  const kernel = product(
    {
      name: 'linearWeightGradient',
      rows,
      columns,
      depth,
      left: matrix('dy', 'columns', rows, rows),
      right: matrix('x', 'columns', columns, columns),
      store: `dweight[row * ${columns}u + column] = value;`,
      bound: [array('x', x), array('dy', dy), array('dweight', node.outputs[0] as string)],
    },
    tileFor(device, rows, columns),
  )
  return { kernels: [kernel] }
}

/** Input: dy [N, out]. */
export function linearBiasGradient(node: Node<'linearBiasGradient'>, { shape }: Context): Lowered {
  const [dy] = node.inputs as [string]
  const [rows, columns] = shape(dy) as Matrix
  const kernel = forEach(
    'linearBiasGradient',
    columns,
    [array('dy', dy), array('dbias', node.outputs[0] as string)],
    `var sum = 0.0;
  for (var row = 0u; row < ${rows}u; row++) { sum += dy[row * ${columns}u + i]; }
  dbias[i] = sum;`,
  )
  return { kernels: [kernel] }
}
