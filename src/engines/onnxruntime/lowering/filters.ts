/** Weights of convolutions in the orders that kernels take. */
import { padded } from './layout.js'
import type { OnnxWriter } from './writer.js'

/** [outputs, inputs per group, height, width]. */
export type FilterSizes = readonly [number, number, number, number]

/** Weights [O, I / g, kH, kW] as the input gradient convolves with them: [I, O / g, kH, kW], flipped in both directions. */
export function flipped(
  writer: OnnxWriter,
  weight: string,
  [outputs, perGroup, height, width]: FilterSizes,
  groups: number,
): string {
  const area = height * width
  let w = writer.reshape(weight, [groups, outputs / groups, perGroup, area])
  if (area > 1) {
    const reversed = Array.from({ length: area }, (_, i) => area - 1 - i)
    w = writer.add('Gather', [w, writer.integers(reversed)], { axis: 3 })
  }
  if (outputs / groups > 1 || perGroup > 1) w = writer.transpose(w, [0, 2, 1, 3])
  return writer.reshape(w, [groups * perGroup, outputs / groups, height, width])
}

/**
 * Weights [O, I, kH, kW] as kernels on blocks take them: [O / block, I / block, kH, kW, block of I, block of O], with
 * zeros for channels that blocks add; or [O / block, I, kH, kW, block of O], where the input is one plane per output
 * (depthwise) or not in blocks.
 */
export function blockedFilter(
  writer: OnnxWriter,
  weight: string,
  [outputs, inputs, height, width]: FilterSizes,
  inputBlocked: boolean,
): string {
  const { block } = writer
  const area = height * width
  const all = padded(writer, outputs)
  const from = inputBlocked ? padded(writer, inputs) : inputs
  const whole = writer.padEnd(weight, [0, from - inputs, 0, 0])
  // The reordering of activations puts blocks of O last, with all that is theirs in the place of pixels.
  let w = writer.add('com.microsoft.nchwc.ReorderInput', [writer.reshape(whole, [1, outputs, from * area, 1])])
  if (inputBlocked && area > 1)
    w = writer.transpose(writer.reshape(w, [(all * from) / block ** 2, block, area, block]), [0, 2, 1, 3])
  return writer.reshape(w, [all, from, height, width])
}
