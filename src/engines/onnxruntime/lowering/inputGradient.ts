/** Input gradients of convolutions: convolutions with flipped, transposed weights, or transposed convolutions. */
import { type Graph, lookUp, type Node } from '../../../graph/index.js'
import { worksOnBlocks } from './convolution.js'
import { blockedFilter, type FilterSizes, flipped } from './filters.js'
import { isBlocked, kept, keptAs, padded, plain } from './layout.js'
import type { OnnxWriter } from './writer.js'

type Sizes = readonly [number, number, number, number]
type Gradient = Node<'conv2dInputGradient'>

export function conv2dInputGradient(writer: OnnxWriter, graph: Graph, node: Gradient): void {
  if (onBlocks(writer, graph, node)) return
  const { stride, padding, groups, inputSize } = node.attributes
  const [dy, weight] = node.inputs as [string, string]
  const [dx] = node.outputs as [string]
  const kernel = lookUp(graph, weight).shape as FilterSizes
  const [, , height, width] = lookUp(graph, dy).shape as Sizes
  if (stride[0] === 1 && stride[1] === 1) {
    const pads = padsAround(node, kernel, [height, width])
    writer.add(
      'Conv',
      [cropped(writer, plain(writer, graph, dy), [height, width], pads), flipped(writer, weight, kernel, groups)],
      { pads: pads.map(side => Math.max(side, 0)), group: groups },
      dx,
    )
    return
  }
  const rest = (axis: 0 | 1, size: number) =>
    inputSize[axis] - ((size - 1) * stride[axis] + kernel[axis + 2]! - padding[axis]! - padding[axis + 2]!)
  writer.add(
    'ConvTranspose',
    [plain(writer, graph, dy), weight],
    { strides: stride, pads: padding, group: groups, output_padding: [rest(0, height), rest(1, width)] },
    dx,
  )
}

/** Padding with which a convolution from dy of that size, with stride 1, gives dx its size; negative where dy is too large. */
function padsAround(
  { attributes: { padding, inputSize } }: Gradient,
  [, , kernelHeight, kernelWidth]: FilterSizes,
  [height, width]: readonly [number, number],
): readonly [number, number, number, number] {
  const [top, left] = [kernelHeight - 1 - padding[0], kernelWidth - 1 - padding[1]]
  return [top, left, inputSize[0] - height + kernelHeight - 1 - top, inputSize[1] - width + kernelWidth - 1 - left]
}

/**
 * On blocks of channels, where that is possible: depthwise with any stride, from a dy between whose values stand zeros;
 * with one group without a stride, or with kernels of one pixel, whose zeros come between afterwards.
 * @returns whether it was
 */
function onBlocks(writer: OnnxWriter, graph: Graph, node: Gradient): boolean {
  const { stride, groups } = node.attributes
  const [dy, weight] = node.inputs as [string, string]
  const [dx] = node.outputs as [string]
  const [input, output, kernel] = [dx, dy, weight].map(name => lookUp(graph, name).shape) as [Sizes, Sizes, FilterSizes]
  if (!isBlocked(writer, input) || !worksOnBlocks(writer, output, input, groups)) return false
  const [, , height, width] = output
  const spaced = [height * stride[0], width * stride[1]] as const
  const pads = padsAround(node, kernel, spaced)
  if (pads.some(side => side < 0)) return false
  const strided = stride[0] > 1 || stride[1] > 1
  const depthwise = groups > 1
  const pointwise = kernel[2] === 1 && kernel[3] === 1 && pads.every(side => side === 0)
  if (strided && !depthwise && !pointwise) return false
  const reordered = flipped(writer, weight, kernel, groups)
  const sizes = [input[1], kernel[0] / groups, kernel[2], kernel[3]] as const
  const filter = blockedFilter(writer, reordered, sizes, !depthwise && isBlocked(writer, output))
  const attributes = { pads, group: depthwise ? padded(writer, groups) : 1 }
  const given = kept(writer, graph, dy)
  if (strided && pointwise) {
    const small = writer.add('com.microsoft.nchwc.Conv', [given, filter], attributes)
    spread(writer, small, [input[0], input[1], height, width], stride, keptAs(writer, graph, dx))
    return true
  }
  const from = strided ? spread(writer, given, output, stride) : given
  writer.add('com.microsoft.nchwc.Conv', [from, filter], attributes, keptAs(writer, graph, dx))
  return true
}

/** Zeros after each row and column of an activation in blocks, so that it is as many times as large as the stride says. */
function spread(
  writer: OnnxWriter,
  x: string,
  [batch, channels, height, width]: Sizes,
  [down, across]: readonly [number, number],
  output?: string,
): string {
  const { block } = writer
  const all = padded(writer, channels)
  const rows = writer.reshape(x, [(batch * all) / block, height, 1, width, block])
  const wider = writer.padEnd(rows, [0, 0, down - 1, 0, (across - 1) * block])
  return writer.reshape(wider, [batch, all, height * down, width * across], output)
}

/** Negative padding at the end means that rows or columns that the window never reached are cut off. */
function cropped(
  writer: OnnxWriter,
  x: string,
  [height, width]: readonly [number, number],
  pads: readonly number[],
): string {
  const [top, left, bottom, right] = pads.map(side => Math.min(side, 0)) as [number, number, number, number]
  if (top === 0 && left === 0 && bottom === 0 && right === 0) return x
  return writer.slice(x, [2, 3], [-top, -left], [height + bottom, width + right], [1, 1])
}
