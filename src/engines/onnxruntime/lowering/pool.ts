/** Pooling and its gradients as ordinary ONNX operators. */
import { type Graph, lookUp, type Node } from '../../../graph/index.js'
import type { OnnxWriter } from './writer.js'

type Sizes = readonly [number, number, number, number]

export function maxPool(writer: OnnxWriter, _: Graph, node: Node<'maxPool'>): void {
  const { kernel, stride, padding } = node.attributes
  writer.add('MaxPool', node.inputs, { kernel_shape: kernel, strides: stride, pads: padding }, node.outputs[0])
}

/** Each window's gradient goes to its maximum: tap by tap, where x equals y and no earlier tap of the window did. */
export function maxPoolGradient(writer: OnnxWriter, graph: Graph, node: Node<'maxPoolGradient'>): void {
  const { kernel, stride, padding } = node.attributes
  const [dy, x, y] = node.inputs as [string, string, string]
  const [batch, channels, height, width] = lookUp(graph, x).shape as Sizes
  const [, , outHeight, outWidth] = lookUp(graph, y).shape as Sizes
  const [top, left, bottom, right] = padding
  // Rows and columns that windows cover, with whole strides, so that taps can be put side by side again.
  const rows = Math.max(outHeight * stride[0] + kernel[0] - 1, height + top + bottom)
  const columns = Math.max(outWidth * stride[1] + kernel[1] - 1, width + left + right)
  const padded = writer.add('Pad', [
    x,
    writer.integers([0, 0, top, left, 0, 0, rows - height - top, columns - width - left]),
    writer.scalar(-3e38),
  ])
  let open = ''
  let total = ''
  for (let r = 0; r < kernel[0]; r++)
    for (let s = 0; s < kernel[1]; s++) {
      const tap = writer.slice(
        padded,
        [2, 3],
        [r, s],
        [r + (outHeight - 1) * stride[0] + 1, s + (outWidth - 1) * stride[1] + 1],
        stride,
      )
      // 1 where the tap is the maximum: y - tap is 0 there and positive elsewhere.
      const here = writer.add('HardSigmoid', [writer.add('Sub', [y, tap])], {
        alpha: { float: -1e30 },
        beta: { float: 1 },
      })
      const first = open ? writer.add('Mul', [here, open]) : here
      open = open ? writer.add('Sub', [open, first]) : writer.add('Sub', [writer.scalar(1), here])
      const part = writer.add('Mul', [first, dy])
      const apart = writer.reshape(part, [batch * channels, outHeight, 1, outWidth, 1])
      const spread = writer.add('Pad', [apart, writer.integers([0, 0, 0, 0, 0, 0, 0, stride[0] - 1, 0, stride[1] - 1])])
      const plane = writer.reshape(spread, [batch, channels, outHeight * stride[0], outWidth * stride[1]])
      const placed = writer.add('Pad', [
        plane,
        writer.integers([0, 0, r, s, 0, 0, rows - outHeight * stride[0] - r, columns - outWidth * stride[1] - s]),
      ])
      total = total ? writer.add('Add', [total, placed]) : placed
    }
  const cut = writer.slice(total, [2, 3], [top, left], [top + height, left + width], [1, 1])
  writer.add('Identity', [cut], {}, node.outputs[0])
}

export function globalAveragePool(writer: OnnxWriter, graph: Graph, node: Node<'globalAveragePool'>): void {
  const [batch, channels] = lookUp(graph, node.outputs[0] as string).shape as readonly [number, number]
  // -1 leaves the batch free for models that are exported.
  const shape = writer.fused ? [batch, channels] : [-1, channels]
  writer.reshape(writer.add('GlobalAveragePool', node.inputs), shape, node.outputs[0])
}

export function globalAveragePoolGradient(
  writer: OnnxWriter,
  graph: Graph,
  node: Node<'globalAveragePoolGradient'>,
): void {
  const shape = lookUp(graph, node.outputs[0] as string).shape as Sizes
  const share = writer.add('Mul', [node.inputs[0] as string, writer.scalar(1 / (shape[2] * shape[3]))])
  const plane = writer.reshape(share, [shape[0], shape[1], 1, 1])
  writer.add('Expand', [plane, writer.integers(shape)], {}, node.outputs[0])
}
