/** Pools and their gradients. */
import { elements, type Node } from '../../../graph/index.js'
import type { Context } from './convolution.js'
import { array, forEach, forEachGroup, type Lowered, team } from './kernel.js'
import { totals } from './total.js'

type Image = readonly [number, number, number, number]

export function maxPool(node: Node<'maxPool'>, { shape }: Context): Lowered {
  const [x, y] = [node.inputs[0], node.outputs[0]] as [string, string]
  const [, , height, width] = shape(x) as Image
  const size = shape(y) as Image
  const { kernel, stride, padding } = node.attributes
  const pool = forEach(
    'maxPool',
    elements(size),
    [array('x', x), array('y', y)],
    `let plane = i32(i / ${size[2] * size[3]}u);
  let top = i32(i / ${size[3]}u % ${size[2]}u) * ${stride[0]} - ${padding[0]};
  let left = i32(i % ${size[3]}u) * ${stride[1]} - ${padding[1]};
  let begin = vec2i(max(top, 0), max(left, 0));
  let end = vec2i(min(top + ${kernel[0]}, ${height}), min(left + ${kernel[1]}, ${width}));
  var largest = x[(plane * ${height} + begin.x) * ${width} + begin.y];
  for (var row = begin.x; row < end.x; row++) {
    for (var column = begin.y; column < end.y; column++) {
      let value = x[(plane * ${height} + row) * ${width} + column];
      // As PyTorch has it, NaN is the largest
      if (value > largest || value != value) { largest = value; }
    }
  }
  y[i] = largest;`,
  )
  return { kernels: [pool] }
}

/** Inputs: dy, x, y. Each pixel of x asks the windows that it is in whether it is their first maximum. */
export function maxPoolGradient(node: Node<'maxPoolGradient'>, { shape }: Context): Lowered {
  const [dy, x, y] = node.inputs as [string, string, string]
  const [, , outHeight, outWidth] = shape(dy) as Image
  const size = shape(x) as Image
  const [, , height, width] = size
  const { kernel, stride, padding } = node.attributes
  const pool = forEach(
    'maxPoolGradient',
    elements(size),
    [array('dy', dy), array('x', x), array('y', y), array('dx', node.outputs[0] as string)],
    `let plane = i32(i / ${height * width}u);
  let row = i32(i / ${width}u % ${height}u);
  let column = i32(i % ${width}u);
  let value = x[i];
  var sum = 0.0;
  let p1 = min((row + ${padding[0]}) / ${stride[0]}, ${outHeight - 1});
  let q1 = min((column + ${padding[1]}) / ${stride[1]}, ${outWidth - 1});
  let p0 = max((row + ${padding[0]} - ${kernel[0]} + ${stride[0]}) / ${stride[0]}, 0);
  let q0 = max((column + ${padding[1]} - ${kernel[1]} + ${stride[1]}) / ${stride[1]}, 0);
  for (var p = p0; p <= p1; p++) {
    for (var q = q0; q <= q1; q++) {
      let window = (plane * ${outHeight} + p) * ${outWidth} + q;
      if (value == y[window] && isFirst(plane, p, q, row, column, value)) { sum += dy[window]; }
    }
  }
  dx[i] = sum;`,
    `fn isFirst(plane: i32, p: i32, q: i32, row: i32, column: i32, value: f32) -> bool {
  let top = p * ${stride[0]} - ${padding[0]};
  let left = q * ${stride[1]} - ${padding[1]};
  for (var r = max(top, 0); r <= row; r++) {
    for (var c = max(left, 0); c < min(left + ${kernel[1]}, ${width}); c++) {
      if (r == row && c >= column) { return true; }
      if (x[(plane * ${height} + r) * ${width} + c] == value) { return false; }
    }
  }
  return true;
}`,
  )
  return { kernels: [pool] }
}

export function globalAveragePool(node: Node<'globalAveragePool'>, { shape, subgroups }: Context): Lowered {
  const [x, y] = [node.inputs[0], node.outputs[0]] as [string, string]
  const [batch, channels, height, width] = shape(x) as Image
  const area = height * width
  const size = team(area)
  const pool = forEachGroup(
    'globalAveragePool',
    batch * channels,
    [array('x', x), array('y', y)],
    `var sum = 0.0;
  for (var at = thread; at < ${area}u; at += ${size}u) { sum += x[group * ${area}u + at]; }
  let all = total(sum, thread);
  if (thread == 0u) { y[group] = all / ${area}.0; }`,
    totals('f32', subgroups, size),
    size,
  )
  return { kernels: [pool] }
}

export function globalAveragePoolGradient(node: Node<'globalAveragePoolGradient'>, { shape }: Context): Lowered {
  const [dy, dx] = [node.inputs[0], node.outputs[0]] as [string, string]
  const area = elements(node.attributes.inputSize)
  const pool = forEach(
    'globalAveragePoolGradient',
    elements(shape(dx)),
    [array('dy', dy), array('dx', dx)],
    `dx[i] = dy[i / ${area}u] / ${area}.0;`,
  )
  return { kernels: [pool] }
}
