/** Joins the updates of many parameters to one kernel, over flat buffers in which their values stand one after another. */
import { elements, type Graph, lookUp, type Node } from '../../graph/index.js'

/** Values that stand one after another in one buffer, each from a multiple of the alignment on. */
export interface Flat {
  readonly name: string
  readonly members: readonly string[]
  /** The first element of each member, and at the end that of all. */
  readonly starts: readonly number[]
}

/** Nodes that one kernel does: `node` is like one of them, its tensors are flat ones, and its scalars differ by element. */
export interface Join {
  /** Their numbers in the graph, in the order of the flat values. */
  readonly members: readonly number[]
  /** The last of them, in whose place the kernel runs. */
  readonly at: number
  readonly node: Node
  readonly flats: readonly Flat[]
}

/** Elements to whose multiples bindings may be offset on every device (256 bytes). */
const alignment = 64

/** Tensors among the inputs of an update, and where of them its outputs stand. */
const tensors: { readonly [operator: string]: { readonly count: number; readonly outputs: readonly number[] } } = {
  sgd: { count: 3, outputs: [0, 2] },
  adamW: { count: 4, outputs: [0, 2, 3] },
  blend: { count: 2, outputs: [0] },
}

/** In runs of at most `capacity` elements. */
function runs(members: readonly number[], size: (member: number) => number, capacity: number): number[][] {
  const all: number[][] = []
  let room = 0
  for (const member of members) {
    const takes = size(member)
    if (takes > room || all.length === 0) {
      all.push([])
      room = capacity
    }
    all.at(-1)?.push(member)
    room -= takes
  }
  return all
}

/**
 * What can be joined: updates of one kind that are done in place, between the first and last of which nothing else
 * touches what they change. `home` names the value in whose place another stands; no flat value has more than
 * `capacity` elements.
 */
export function joinUpdates(graph: Graph, home: (name: string) => string, capacity: number): readonly Join[] {
  const flats = new Map<string, { readonly flat: Flat; readonly position: number }>()
  const columns = (node: Node) => node.inputs.slice(0, tensors[node.operator]!.count).map(name => home(name as string))
  const scalars = (node: Node) => node.inputs.slice(tensors[node.operator]!.count)
  const lasts = (name: string) => ['parameter', 'statistic', 'state'].includes(graph.values.get(name)?.role ?? '')
  const size = (name: string) => alignment * Math.ceil(elements(lookUp(graph, name).shape) / alignment)
  const nodeAt = (index: number) => graph.nodes[index] as Node

  const kinds = new Map<string, number[]>()
  // Optimisers first: in their order stand averages and gathered gradients, too.
  const candidates = graph.nodes.flatMap(({ operator }, index) => (operator in tensors ? [index] : []))
  const kindOf = (index: number) => {
    const node = nodeAt(index)
    const computed = scalars(node).map(name => (graph.values.get(name as string)?.role === 'input' ? '' : name))
    const where = columns(node).map(name => [lasts(name), flats.get(name)?.flat.name])
    return JSON.stringify([node.operator, node.attributes, computed, where])
  }
  const isInPlace = (node: Node) =>
    tensors[node.operator]!.outputs.every((at, i) => home(node.outputs[i] as string) === columns(node)[at])

  /** Whether all may wait for the last: until then no other node reads what they change, or writes what they read. */
  const mayWait = (members: readonly number[]) => {
    const own = new Set(members)
    const read = new Map<string, number>()
    const changed = new Map<string, number>()
    for (const index of members) {
      const node = nodeAt(index)
      for (const name of columns(node)) read.set(name, index)
      for (const at of tensors[node.operator]!.outputs) changed.set(columns(node)[at] as string, index)
    }
    const after = (map: Map<string, number>, name: string, index: number) => (map.get(home(name)) ?? index) < index
    const last = Math.max(...members)
    return graph.nodes.every(
      (node, index) =>
        own.has(index) ||
        index > last ||
        !(
          node.inputs.some(name => name && after(changed, name, index)) ||
          node.outputs.some(name => name && after(read, name, index))
        ),
    )
  }

  const joins: Join[] = []
  const join = (members: readonly number[]) => {
    const example = nodeAt(members[0] as number)
    const rows = columns(example).map((_, column) => members.map(index => columns(nodeAt(index))[column] as string))
    if (members.length < 2 || new Set(rows.flat()).size < rows.flat().length || !mayWait(members)) return
    const places = rows.map(row => flats.get(row[0] as string)?.flat)
    const fits = rows.every((row, i) => places[i]?.members.every((name, at) => name === row[at]) ?? true)
    if (!fits || places.some(flat => flat && flat.members.length !== members.length)) return
    const made = rows.map((row, i) => places[i] ?? flatOf(row))
    const { operator, outputs } = example
    const standing = outputs.map((_, i) => made[tensors[operator]!.outputs[i] as number]!.name)
    const inputs = [...made.map(({ name }) => name), ...scalars(example)]
    joins.push({
      members,
      at: Math.max(...members),
      node: { ...example, inputs, outputs: standing } as Node,
      flats: made,
    })
  }
  const flatOf = (row: readonly string[]): Flat => {
    const starts = [0]
    for (const name of row) starts.push(starts.at(-1)! + size(name))
    const flat = { name: `${row[0]}#flat`, members: row, starts }
    row.forEach((name, position) => {
      flats.set(name, { flat, position })
    })
    return flat
  }
  for (const optimisers of [true, false]) {
    kinds.clear()
    for (const index of candidates) {
      if ((nodeAt(index).operator === 'blend') === optimisers || !isInPlace(nodeAt(index))) continue
      const kind = kindOf(index)
      kinds.set(kind, [...(kinds.get(kind) ?? []), index])
    }
    for (const members of kinds.values()) {
      const known = columns(nodeAt(members[0] as number)).findIndex(name => flats.has(name))
      const position = (index: number) => flats.get(columns(nodeAt(index))[known] as string)?.position ?? 0
      const rates = (index: number) => scalars(nodeAt(index)).join(' ')
      const sorted =
        known < 0
          ? members.toSorted((a, b) => (rates(a) < rates(b) ? -1 : rates(a) > rates(b) ? 1 : a - b))
          : members.toSorted((a, b) => position(a) - position(b))
      const widths = (index: number) => size(columns(nodeAt(index))[0] as string)
      for (const run of known < 0 ? runs(sorted, widths, capacity) : [sorted]) join(run)
    }
  }
  return joins
}

/** The code of a scalar of a join for the four elements `i`: which of the members' own it is follows from where they end. */
export function scalarByElement(graph: Graph, { members, flats }: Join, at: number, code: (name: string) => string) {
  const starts = flats[0]!.starts
  const names = members.map(index => graph.nodes[index]!.inputs[at] as string)
  return names.reduce(
    (all, name, i) =>
      i === 0 || name === names[i - 1] ? all : `select(${all}, ${code(name)}, i >= ${starts[i]! / 4}u)`,
    code(names[0] as string),
  )
}
