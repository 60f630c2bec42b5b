/** Turns a graph into a plan for the native engine: values with their places in one arena, and operations in order. */
import { type Graph, placeBuffers, valuesOf } from '../../graph/index.js'
import type { Precision } from '../engine.js'
import { type Draft, type DraftStrip, type DraftValue, once } from './draft.js'
import { fuseDepthwise } from './fuseDepthwise.js'
import { lower, updatesInPlace } from './lower.js'
import { hasTiles, padded } from './native.js'
import { writePast } from './past.js'
import type { Plan, PlannedOperation, PlannedStrip } from './planned.js'
import { markPointwise } from './pointwise.js'
import { applyNormsAgain } from './recomputed.js'
import { cacheBytes, strips } from './strips.js'
import { markTiles } from './tiles.js'
import { markWinograd } from './winograd.js'

const product = (dims: readonly number[]) => dims.reduce((a, b) => a * b, 1)

function bytesOf({ dims, layout, precision }: DraftValue): number {
  const bytes = precision === 'bfloat16' ? 2 : 4
  if (dims.length !== 4 || layout === 'plain') return bytes * Math.max(product(dims), 1)
  const [first, second, height, width] = dims as readonly [number, number, number, number]
  // Weights of several taps for one channel, depthwise ones or for gray pictures, are not padded to a block of them.
  const single = second === 1 && height * width > 1
  const channels = layout === 'weights' ? [padded(first), single ? 1 : padded(second)] : [first, padded(second)]
  return bytes * product(channels) * height * width
}

/**
 * Draws up the plan: kernels, strips, updates in place, and the arena.
 * @param cache bytes that a thread may touch at a time
 * @param precision how images and what is computed from them are stored
 * @param tiles whether there are products of tiles of bfloat16
 */
export function planOf(
  graph: Graph,
  threads: number,
  cache = cacheBytes,
  precision: Precision = 'float32',
  tiles = hasTiles(),
): Plan {
  const lowered = lower(graph, precision)
  const { values } = lowered
  const inPlace = updatesInPlace(graph)
  for (const next of inPlace.keys()) values.delete(next)
  const copies: DraftStrip[] = [...graph.updates]
    .filter(([, next]) => !inPlace.has(next))
    .map(([persistent, next]) => ({
      operations: [{ kernel: 'copy', inputs: [next], outputs: [persistent], numbers: {} }],
      ...once,
    }))
  const outputs = new Set(graph.outputs)
  const fused = fuseDepthwise(applyNormsAgain(lowered), values, outputs)
  const dense = tiles && precision === 'bfloat16' ? markTiles : markWinograd
  const kernels = markPointwise(dense(fused, values), values)
  const stripped = strips(kernels, values, bytesOf, cache, threads)
  const groups = [...writePast(stripped, values, outputs, bytesOf), ...copies]
  const operations = groups.flatMap(group => group.operations)
  sumByPieces(groups, values)
  makeLocal(groups, values, outputs)
  const place = new Map([
    ...inPlace,
    ...sumsInPlace(groups, values, outputs, new Set(valuesOf(graph, 'input').map(({ name }) => name))),
  ])
  for (const name of place.keys()) values.delete(name)
  const target = (name: string): string => (place.has(name) ? target(place.get(name) as string) : name)

  const index = new Map([...values.keys()].map((name, i) => [name, i]))
  const indexOf = (name: string) => (name === '' ? -1 : (index.get(target(name)) as number))
  let first = 0
  const planned = groups.map(({ operations: { length }, ...parts }) => {
    first += length
    return { first: first - length, end: first, ...parts }
  })
  const indexed = operations.map(({ kernel, inputs, outputs: written, numbers }) => ({
    kernel,
    inputs: inputs.map(indexOf),
    outputs: written.map(indexOf),
    numbers,
  }))
  const inputs = valuesOf(graph, 'input').map(({ name }) => indexOf(name))
  const results = graph.outputs.map(indexOf)
  return {
    ...placed([...values.values()], indexed, planned, inputs, results, threads),
    operations: indexed,
    strips: planned,
    inputs,
    outputs: results,
    threads,
  }
}

/** Where images are worked on in pieces, sums over their planes are sums over each piece. */
function sumByPieces(groups: readonly DraftStrip[], values: Map<string, DraftValue>): void {
  for (const { operations, pieces, times } of groups)
    for (const name of pieces > 1 ? operations.flatMap(operation => operation.outputs) : []) {
      const value = values.get(name)
      if (value?.batched && value.dims.length === 2) values.set(name, { ...value, dims: [times, value.dims[1]!] })
    }
}

/** A value that lives within one strip needs memory only for the images, or the pixels, that a thread works on at a time. */
function makeLocal(groups: readonly DraftStrip[], values: Map<string, DraftValue>, outputs: ReadonlySet<string>): void {
  const seen = new Map<string, Set<number>>()
  groups.forEach((group, at) => {
    for (const { inputs, outputs: written } of group.operations)
      for (const name of [...inputs, ...written]) seen.set(name, (seen.get(name) ?? new Set()).add(at))
  })
  groups.forEach(({ operations, images, pieces, times }, at) => {
    if (times === 1) return
    for (const name of operations.flatMap(operation => operation.outputs)) {
      const value = values.get(name)
      if (!value?.batched || outputs.has(name) || seen.get(name)?.size !== 1 || !seen.get(name)?.has(at)) continue
      const [, channels = 1, height = 1, width = 1] = value.dims
      const sides = pieces > 1 ? [channels, 1, (height * width) / pieces] : value.dims.slice(1)
      values.set(name, { ...value, dims: [images, ...sides], batched: false, local: true })
    }
  })
}

/** A convolution adds to a residual that nobody reads afterwards where it lies: result → residual. */
function sumsInPlace(
  groups: readonly DraftStrip[],
  values: ReadonlyMap<string, DraftValue>,
  outputs: ReadonlySet<string>,
  inputs: ReadonlySet<string>,
): Map<string, string> {
  const operations = groups.flatMap(group => group.operations)
  const lastRead = new Map<string, Draft>()
  for (const operation of operations) for (const name of operation.inputs) lastRead.set(name, operation)
  const result = new Map<string, string>()
  for (const operation of operations) {
    const residual = operation.kernel === 'conv2d' ? operation.inputs[3] : undefined
    const y = operation.outputs[0] as string
    if (!residual || lastRead.get(residual) !== operation || outputs.has(residual) || outputs.has(y)) continue
    const [from, to] = [values.get(residual), values.get(y)] as [DraftValue, DraftValue]
    const alike = from.layout === to.layout && from.local === to.local && from.dims[0] === to.dims[0]
    if (alike && !from.persistent && !inputs.has(residual) && operation.inputs[0] !== residual) result.set(y, residual)
  }
  return result
}

/** Places what lives within one run; inputs live from its start, outputs to its end. */
function placed(
  values: readonly DraftValue[],
  operations: readonly PlannedOperation[],
  groups: readonly PlannedStrip[],
  inputs: readonly number[],
  outputs: readonly number[],
  threads: number,
): Pick<Plan, 'values' | 'arenaBytes' | 'threadBytes'> {
  const spans = new Map<number, { first: number; last: number }>()
  const touch = (value: number, at: number) => {
    const span = spans.get(value)
    spans.set(value, { first: Math.min(span?.first ?? at, at), last: Math.max(span?.last ?? at, at) })
  }
  for (const input of inputs) touch(input, 0)
  for (const { first, end, times } of groups)
    for (let at = first; at < end; at++)
      for (const value of [...operations[at]!.inputs, ...operations[at]!.outputs]) {
        if (value < 0) continue
        touch(value, at)
        // What a strip comes back to for the next images has to be there until its end.
        if (times > 1 && !values[value]!.local) {
          touch(value, first)
          touch(value, end - 1)
        }
      }
  for (const output of outputs) touch(output, operations.length)
  const bytes = values.map(bytesOf)
  const buffers = [...spans].flatMap(([value, span]) =>
    values[value]!.persistent ? [] : [{ name: values[value]!.name, bytes: bytes[value] as number, ...span }],
  )
  // Each thread has a region for what lives within a strip: all strips write to the same few megabytes, which stay in
  // its cache, and threads that work apart need not be at the same operation.
  const local = new Set(values.flatMap(value => (value.local ? [value.name] : [])))
  const whole = placeBuffers(buffers.filter(({ name }) => !local.has(name)))
  const within = placeBuffers(buffers.filter(({ name }) => local.has(name)))
  const threadBytes = Math.ceil(within.bytes / 4096) * 4096
  const start = Math.ceil(whole.bytes / 4096) * 4096
  const offsetOf = (name: string) => whole.offsets.get(name) ?? start + (within.offsets.get(name) ?? 0)
  return {
    values: values.map((value, i) => ({ ...value, bytes: bytes[i] as number, offset: offsetOf(value.name) })),
    arenaBytes: start + threads * threadBytes,
    threadBytes,
  }
}
