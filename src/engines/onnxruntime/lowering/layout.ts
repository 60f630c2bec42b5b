/** Activations in blocks of channels, as ONNX Runtime's fastest kernels take them: [N, C / block, H, W, block]. */
import { type Graph, lookUp, type Node } from '../../../graph/index.js'
import type { OnnxWriter } from './writer.js'

/*
 * A tensor in blocks says to ONNX that its shape is [N, C, H, W], with C rounded up to whole blocks. The channels that
 * are added hold zeros, and every operator here keeps them zero. A value may stand in either order, or in both: it is
 * reordered where it is first asked for in the other one.
 */
const inBlocks = (name: string) => `${name}#blocks`

/** Whether activations of this shape are kept in blocks; reordering takes groups of four channels. */
export const isBlocked = (writer: OnnxWriter, shape: readonly number[]): boolean =>
  writer.block > 1 && shape.length === 4 && shape[1]! % 4 === 0

/** Channels rounded up to whole blocks. */
export const padded = (writer: OnnxWriter, channels: number): number =>
  Math.ceil(channels / writer.block) * writer.block

/** The tensor that holds a value as it is kept: in blocks, where its shape allows it. */
export function kept(writer: OnnxWriter, graph: Graph, name: string): string {
  if (!isBlocked(writer, lookUp(graph, name).shape)) return name
  return writer.has(inBlocks(name))
    ? inBlocks(name)
    : writer.add('com.microsoft.nchwc.ReorderInput', [name], {}, inBlocks(name))
}

/** The name by which a lowering writes a value as it is kept. */
export const keptAs = (writer: OnnxWriter, graph: Graph, name: string): string =>
  isBlocked(writer, lookUp(graph, name).shape) ? inBlocks(name) : name

/** The tensor that holds a value in ONNX's own order; its name is the value's. */
export function plain(writer: OnnxWriter, graph: Graph, name: string): string {
  const { role, shape } = lookUp(graph, name)
  if (role !== 'intermediate' || writer.has(name) || !writer.has(inBlocks(name))) return name
  const channels = shape[1] as number
  return writer.add('com.microsoft.nchwc.ReorderOutput', [inBlocks(name)], { channels }, name)
}

/**
 * x, whose shape ends in none of the numbers of the value to wait for: nodes have no order but what they read, and the
 * runtime would compute only once what reads the same.
 */
export function barrier(writer: OnnxWriter, graph: Graph, node: Node<'barrier'>): void {
  const [x, after] = node.inputs as [string, string]
  const [output] = node.outputs as [string]
  const { shape } = lookUp(graph, x)
  const blocked = isBlocked(writer, shape)
  const none = writer.reshape(writer.slice(kept(writer, graph, after), [0], [0], [0], [1]), [0])
  const sizes = writer.integers(blocked ? [shape[0]!, padded(writer, shape[1]!), ...shape.slice(2)] : shape)
  const waiting = writer.add('Concat', [sizes, writer.add('Cast', [none], { to: 7 })], { axis: 0 })
  writer.add('Reshape', [kept(writer, graph, x), waiting], {}, keptAs(writer, graph, output))
}

/** A vector [channels] with zeros for the channels that blocks add. */
export const paddedVector = (writer: OnnxWriter, vector: string, channels: number): string =>
  writer.padEnd(vector, [padded(writer, channels) - channels])

/** What is left of [..., padded channels] without the channels that blocks added. */
export function withoutPadding(writer: OnnxWriter, x: string, axis: number, channels: number, output?: string): string {
  const added = padded(writer, channels) > channels
  if (added) return writer.slice(x, [axis], [0], [channels], [1], output)
  return output === undefined ? x : writer.add('Identity', [x], {}, output)
}
