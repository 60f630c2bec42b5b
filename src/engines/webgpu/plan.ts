/** Everything about a program that is known before a device is touched: kernels, and where each value stands. */
import { bytes } from '../../base/bytes.js'
import { RegraftError } from '../../base/errors.js'
import { elements, type Graph, lookUp, placeBuffers, valuesOf } from '../../graph/index.js'
import type { MemoryPlan } from '../engine.js'
import { joinUpdates } from './flat.js'
import type { Kernel } from './kernels/kernel.js'
import { copy } from './kernels/update.js'
import { type Device, lower, scalarInputs } from './lower.js'

/** What a plan has to know of a device. */
export interface Limits extends Device {
  /** Bytes of the largest buffer, and of the largest value in it. */
  readonly buffer: number
  readonly binding: number
  /** Values that a kernel may read and write. */
  readonly storageBuffers: number
}

/** Where a value stands: in which buffer, and at which bytes. */
export interface Place {
  readonly page: number
  readonly offset: number
  readonly bytes: number
}

export interface Plan {
  readonly kernels: readonly Kernel[]
  /** Bytes of each buffer. */
  readonly pages: readonly number[]
  readonly scalars: readonly string[]
  /** The place of a value, also under the names of those that it is, or becomes. */
  place(name: string): Place | undefined
  readonly memory: MemoryPlan
  /** Bytes of the largest value, and its name. */
  readonly largest: { readonly name: string; readonly bytes: number }
}

/** Bytes to whose multiples bindings may be offset on every device. */
const alignment = 256

interface Span {
  readonly name: string
  readonly bytes: number
  readonly first: number
  readonly last: number
}

/** Places values, each of at most `capacity` bytes, in buffers of so many: what does not fit into the first goes into the next. */
function inPages(spans: readonly Span[], capacity: number, from: number, places: Map<string, Place>): number[] {
  const pages: number[] = []
  for (let rest = spans; rest.length > 0; ) {
    const { offsets } = placeBuffers(rest, alignment)
    const fits = (span: Span) => offsets.get(span.name)! + span.bytes <= capacity
    const here = rest.filter(fits)
    const page = from + pages.length
    for (const { name, bytes } of here) places.set(name, { page, offset: offsets.get(name)!, bytes })
    pages.push(here.reduce((most, { name, bytes }) => Math.max(most, offsets.get(name)! + bytes), alignment))
    const next = rest.filter(span => !fits(span))
    rest = next
  }
  return pages
}

/** Operators whose kernels read and write element by element, so that a result may stand where what it replaces stood. */
const inPlace = new Set(['sgd', 'adamW', 'blend', 'add', 'runningStatistics'])

export function planOf(graph: Graph, { buffer, binding, storageBuffers, ...device }: Limits): Plan {
  const alias = new Map<string, string>()
  for (const node of graph.nodes)
    if (node.operator === 'barrier') alias.set(node.outputs[0] as string, node.inputs[0] as string)
  const home = (name: string): string => {
    const next = alias.get(name)
    return next === undefined ? name : home(next)
  }
  const lastRead = new Map<string, number>()
  graph.nodes.forEach((node, index) => {
    if (node.operator !== 'barrier') for (const name of node.inputs) if (name) lastRead.set(home(name), index)
  })
  const copies: Kernel[] = []
  for (const [name, next] of graph.updates) {
    const at = graph.nodes.findIndex(node => node.outputs.includes(next))
    const node = graph.nodes[at]
    const replaces =
      node !== undefined &&
      inPlace.has(node.operator) &&
      node.inputs.map(home).includes(name) &&
      lastRead.get(name) === at &&
      lookUp(graph, next).shape.length > 0 &&
      home(next) === next &&
      !graph.outputs.map(home).includes(name)
    if (replaces) alias.set(next, name)
    else copies.push(copy('update', next, name, elements(lookUp(graph, name).shape)))
  }
  const most = Math.min(binding, buffer)
  const joins = joinUpdates(graph, home, most / 4)
  const flats = joins.flatMap(join => join.flats)
  const part = new Map(
    flats.flatMap(flat => flat.members.map((name, i) => [name, { flat, at: flat.starts[i]! }] as const)),
  )
  const lowered = lower(graph, device, joins, name => {
    const own = part.get(home(name))
    return own ? { value: own.flat.name, at: own.at } : { value: name, at: 0 }
  })
  const kernels = [...lowered.kernels, ...copies]
  const end = kernels.length
  const sizes = new Map([
    ...lowered.scratch.map(({ name, elements }) => [name, elements] as const),
    ...flats.map(({ name, starts }) => [name, starts.at(-1)!] as const),
  ])
  const bytesOf = (name: string) => 16 * Math.ceil((sizes.get(name) ?? elements(lookUp(graph, name).shape)) / 4)
  const spans = new Map<string, Span>()
  /** The flat value that holds another, or the value itself. */
  const whole = (name: string) => part.get(name)?.flat.name ?? name
  const touch = (value: string, index: number, from = index) => {
    const name = whole(home(value))
    const before = spans.get(name)
    spans.set(name, { name, bytes: bytesOf(name), first: Math.min(before?.first ?? from, from), last: index })
  }
  const roles = (name: string) => graph.values.get(name)?.role
  kernels.forEach((kernel, index) => {
    // What is fed has to be there before the first kernel.
    for (const { value } of kernel.bound) touch(value, index, roles(home(value)) === 'input' ? 0 : index)
  })
  for (const name of graph.outputs) touch(name, end, roles(home(name)) === 'input' ? 0 : end)
  const persistent = valuesOf(graph, 'parameter', 'statistic', 'state')
  const kept = new Set(persistent.map(({ name }) => whole(name)))
  const places = new Map<string, Place>()
  const lasting = [...kept].map(name => ({ name, bytes: bytesOf(name), first: 0, last: end }))
  const passing = [...spans.values()].filter(({ name }) => !kept.has(name))
  const largest = [...lasting, ...passing].reduce((a, b) => (b.bytes > a.bytes ? b : a), { name: '', bytes: 0 })
  if (largest.bytes > most)
    throw new RegraftError(
      'engine',
      `webgpu: '${largest.name}' takes ${bytes(largest.bytes)}, and a kernel on this GPU reads ${bytes(most)} at most; a smaller --batch-size or --size makes it smaller`,
    )
  for (const { name, bound } of kernels) {
    const values = new Set(bound.map(({ value }) => home(value))).size
    if (values > storageBuffers)
      throw new RegraftError(
        'engine',
        `webgpu: the kernel ${name} has ${values} values, and this GPU's driver lets a kernel have ${storageBuffers}; use another --engine`,
      )
  }
  const lastingPages = inPages(lasting, buffer, 0, places)
  const passingPages = inPages(passing, buffer, lastingPages.length, places)
  for (const [name, { flat, at }] of part) {
    const { page, offset } = places.get(flat.name)!
    places.set(name, { page, offset: offset + 4 * at, bytes: bytesOf(name) })
  }
  const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0)
  const fed = valuesOf(graph, 'input').flatMap(({ name }) => (places.has(home(name)) ? [name] : []))
  const state = sum(valuesOf(graph, 'state').map(({ name }) => bytesOf(name)))
  return {
    kernels,
    pages: [...lastingPages, ...passingPages],
    scalars: scalarInputs(graph),
    place: name => places.get(home(name)),
    memory: {
      parameters: sum(lastingPages) - state,
      state,
      activations: sum(passingPages),
      // What passes to and from the device stands there twice, for this run and the next
      workspace: 2 * sum([...graph.outputs, ...fed].map(bytesOf)),
    },
    largest,
  }
}
