/** The liveness pass: how long each intermediate is needed, and where in one arena it can stand. */
import { elements, type Graph, lookUp, type Value, valuesOf } from '../graph.js'

/** First and last node (by index) between which a value has to be kept. */
export interface Lifetime {
  readonly first: number
  readonly last: number
}

/** Lifetimes of all intermediates. Outputs and updates of the graph live to its end. */
function lifetimes(graph: Graph): Map<string, Lifetime> {
  const end = graph.nodes.length
  const result = new Map<string, Lifetime>()
  graph.nodes.forEach((node, index) => {
    for (const output of node.outputs) if (output) result.set(output, { first: index, last: index })
    for (const input of node.inputs) {
      const lifetime = result.get(input)
      if (lifetime) result.set(input, { ...lifetime, last: index })
    }
  })
  for (const name of [...graph.outputs, ...graph.updates.values()]) {
    const lifetime = result.get(name)
    if (lifetime) result.set(name, { ...lifetime, last: end })
  }
  return result
}

/** Bytes of those intermediates of a kind that are needed at the same time, as float32: no arena can be smaller. */
export function peakBytes(graph: Graph, counts: (value: Value) => boolean = () => true): number {
  const change = new Array<number>(graph.nodes.length + 2).fill(0)
  for (const [name, { first, last }] of lifetimes(graph)) {
    const value = lookUp(graph, name)
    const bytes = counts(value) ? 4 * elements(value.shape) : 0
    change[first]! += bytes
    change[last + 1]! -= bytes
  }
  let most = 0
  let bytes = 0
  for (const step of change) {
    bytes += step
    most = Math.max(most, bytes)
  }
  return most
}

/** Something that needs `bytes` of memory during its lifetime. */
export interface Buffer extends Lifetime {
  readonly name: string
  readonly bytes: number
}

/** Byte offsets into one arena of `bytes` bytes. */
export interface Arena {
  readonly bytes: number
  readonly offsets: ReadonlyMap<string, number>
}

/**
 * Places buffers so that those alive at the same time do not overlap: largest first, each at the lowest offset that is
 * free for its whole lifetime (greedy by size; Pisarchyk and Lee 2020).
 */
export function placeBuffers(buffers: readonly Buffer[], alignment = 64): Arena {
  const offsets = new Map<string, number>()
  // What is placed, by offset; in arrays of numbers, since every buffer is compared with most of those before it
  const count = buffers.length
  const [first, last] = [new Int32Array(count), new Int32Array(count)]
  const [starts, ends] = [new Float64Array(count), new Float64Array(count)]
  let placed = 0
  let total = 0
  for (const buffer of [...buffers].sort((a, b) => b.bytes - a.bytes || a.first - b.first)) {
    let offset = 0
    let at = 0
    for (; at < placed; at++) {
      if (first[at]! > buffer.last || last[at]! < buffer.first) continue
      if (starts[at]! >= offset + buffer.bytes) break
      offset = Math.max(offset, Math.ceil(ends[at]! / alignment) * alignment)
    }
    at = 0
    while (at < placed && starts[at]! <= offset) at++
    for (const column of [first, last, starts, ends]) column.copyWithin(at + 1, at, placed)
    first[at] = buffer.first
    last[at] = buffer.last
    starts[at] = offset
    ends[at] = offset + buffer.bytes
    placed++
    offsets.set(buffer.name, offset)
    total = Math.max(total, offset + buffer.bytes)
  }
  return { bytes: total, offsets }
}

/** The arena for a graph's intermediates, with `bytesOf` giving each value's size (default: float32). */
export function planArena(
  graph: Graph,
  bytesOf: (name: string, elementCount: number) => number = (_, count) => 4 * count,
): Arena {
  const lifetime = lifetimes(graph)
  const buffers = valuesOf(graph, 'intermediate').flatMap(({ name, shape }) => {
    const span = lifetime.get(name)
    return span
      ? [
          {
            name,
            bytes: bytesOf(
              name,
              shape.reduce((a, b) => a * b, 1),
            ),
            ...span,
          },
        ]
      : []
  })
  return placeBuffers(buffers)
}
