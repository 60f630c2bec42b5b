/**
 * The recompute pass: forgets activations after the forward pass, and computes them again right before the backward
 * pass reads them (Chen et al. 2016, 'Training Deep Nets with Sublinear Memory Cost').
 */
import { nodeCost } from '../cost.js'
import { elements, type Graph, lookUp, type Node, producers, type Value, valuesOf } from '../graph.js'
import { peakBytes } from './liveness.js'

/** A training step that keeps less and computes more. */
interface Recomputation {
  readonly graph: Graph
  /** FLOPs that are computed again, as a share of the whole step's. */
  readonly extra: number
  /** Of the activations and their gradients, as float32. */
  readonly peakBytes: number
}

/** Statistics and features are small: only images are worth their computation. */
const isImages = (graph: Graph, name: string): boolean => graph.values.get(name)?.shape.length === 4
const isGradient = ({ operator }: Node): boolean => operator.endsWith('Gradient')
/** The forward pass ends before this node: the first one of the backward pass. */
const backwardFrom = (graph: Graph): number => {
  const at = graph.nodes.findIndex(isGradient)
  return at < 0 ? graph.nodes.length : at
}

/**
 * Keeps of the forward pass up to the last of `cuts` only what is read across a cut; the rest of each segment between
 * two cuts is computed again when the gradients have come down to it. What lies behind the last cut stays as it is.
 * Every result keeps its bits: norms are applied with the statistics that the first pass found, running statistics are
 * updated by the first pass only, and dropout's masks are inputs.
 * @param graph a training step: forward pass, backward pass, updates
 * @param cuts values that the forward pass computes, in order
 */
function recompute(graph: Graph, cuts: readonly string[]): Graph {
  const { nodes } = graph
  const backward = backwardFrom(graph)
  const producer = producers(graph)
  const values = new Map(graph.values)
  /** In the backward pass: value → its second computation. */
  const renamed = new Map<string, string>()
  /** Node → what is computed before it. */
  const before = new Map<number, Node[]>()
  const declare = (name: string, of: Value): string => {
    values.set(name, { name, role: 'intermediate', shape: of.shape, recomputes: of.name })
    return name
  }
  let start = 0
  for (const cut of cuts) {
    const end = (producer.get(cut) as number) + 1
    const own = nodes.slice(start, end)
    const inside = new Set(own.flatMap(({ outputs }) => outputs))
    const kept = new Set([...nodes.slice(end, backward).flatMap(({ inputs }) => inputs), ...graph.outputs])
    const forgotten = (name: string) => inside.has(name) && !kept.has(name) && isImages(graph, name)
    start = end
    const reader = nodes.findIndex(({ inputs }, at) => at >= backward && inputs.some(forgotten))
    if (reader < 0) continue
    const wanted = new Set(nodes.slice(backward).flatMap(({ inputs }) => inputs.filter(forgotten)))
    const again = own.reverse().filter(({ inputs, outputs }) => {
      if (!outputs.some(name => wanted.has(name))) return false
      for (const name of inputs) if (forgotten(name)) wanted.add(name)
      return true
    })
    // Without something to wait for, an engine could as well compute all of it at once, or only once.
    const gradient = nodes[reader]!.inputs.findLast(name => (producer.get(name) ?? -1) >= backward) as string
    const added: Node[] = []
    const copies = new Map<string, string>()
    const waiting = (name: string): string => {
      const { role } = lookUp(graph, name)
      if (copies.has(name) || !isImages(graph, name) || (role !== 'intermediate' && role !== 'input'))
        return copies.get(name) ?? name
      const copy = declare(`${name}.for.${cut}`, lookUp(graph, name))
      copies.set(name, copy)
      added.push({ operator: 'barrier', attributes: {}, inputs: [name, gradient], outputs: [copy] })
      return copy
    }
    for (const node of again.reverse()) {
      const [name] = node.outputs as [string]
      const inputs = node.inputs.map(input => input && waiting(input))
      copies.set(name, declare(`${name}.again`, lookUp(graph, name)))
      added.push(withStatistics(node, inputs, copies.get(name) as string))
    }
    for (const name of wanted) renamed.set(name, copies.get(name) as string)
    before.set(reader, [...(before.get(reader) ?? []), ...added])
  }
  return {
    ...graph,
    values,
    nodes: nodes.flatMap((node, at) => {
      if (at < backward) return [node]
      const inputs = node.inputs.map(name => renamed.get(name) ?? name)
      return [...(before.get(at) ?? []), { ...node, inputs } as Node]
    }),
  }
}

/** The node on other inputs; a norm that took the batch's statistics is now given them. */
function withStatistics(node: Node, inputs: readonly string[], output: string): Node {
  const [, mean = '', variance = ''] = node.outputs
  if (node.operator !== 'batchNorm' || !mean || !variance) return { ...node, inputs, outputs: [output] } as Node
  const [x, weight, bias, , , ...residual] = inputs as [string, string, string, ...string[]]
  return {
    operator: 'batchNorm',
    attributes: { ...node.attributes, training: false },
    inputs: [x, weight, bias, mean, variance, ...residual],
    outputs: [output],
  }
}

/** Into how many segments of equal bytes the forward pass is divided, of which some or all are computed again. */
const divisions = [2, 3, 4, 6, 8, 12, 16, 24]

/**
 * Ways to take less memory, from the step as it is to the least memory: each needs less than the one before it, and
 * computes more. The first layers come first: they have the most bytes, and the fewest FLOPs, for each value.
 */
export function recomputations(graph: Graph): Recomputation[] {
  const flopsOf = (of: Graph) => of.nodes.reduce((sum, node) => sum + nodeCost(of, node).flops, 0)
  const flops = flopsOf(graph)
  // Engines differ in how long they keep gradients of weights, and recomputation does not change it.
  const weights = new Set(valuesOf(graph, 'parameter').map(({ shape }) => shape.join()))
  const measured = (changed: Graph): Recomputation => ({
    graph: changed,
    extra: flopsOf(changed) / flops - 1,
    peakBytes: peakBytes(changed, ({ shape }) => !weights.has(shape.join())),
  })
  const candidates = cutPoints(graph)
  const total = candidates.at(-1)?.bytes ?? 0
  // A frozen trunk keeps nothing, and is not computed again for what comes after it.
  const frozen = candidates.filter(({ bytes }) => bytes === 0).slice(-1)
  const ways = divisions.flatMap(count => {
    const cuts = Array.from({ length: count - 1 }, (_, i) =>
      candidates.find(({ bytes }) => bytes >= ((i + 1) * total) / count),
    ).flatMap(cut => cut?.name ?? [])
    const distinct = [...new Set(cuts)]
    return distinct.map((_, i) => [...frozen.map(({ name }) => name), ...distinct.slice(0, i + 1)])
  })
  const chosen = [measured(graph)]
  for (const way of ways.map(cuts => measured(recompute(graph, cuts))).sort((a, b) => a.extra - b.extra))
    if (way.peakBytes < chosen.at(-1)!.peakBytes && way.extra > chosen.at(-1)!.extra) chosen.push(way)
  return chosen
}

/** Where a single value of images goes on to the rest of the forward pass, and the bytes that the backward pass reads up to there. */
function cutPoints(graph: Graph): { readonly name: string; readonly bytes: number }[] {
  const backward = backwardFrom(graph)
  const forward = graph.nodes.slice(0, backward)
  const lastRead = new Map(forward.flatMap(({ inputs }, at) => inputs.map(name => [name, at] as const)))
  const read = new Set(graph.nodes.slice(backward).flatMap(({ inputs }) => inputs))
  let bytes = 0
  let live: string[] = []
  return forward.flatMap(({ operator, inputs, outputs }, at) => {
    const images = outputs.filter(name => isImages(graph, name))
    for (const name of images) if (read.has(name)) bytes += 4 * elements(lookUp(graph, name).shape)
    live = [...live, ...images].filter(name => (lastRead.get(name) ?? -1) > at)
    // A norm is quickly applied again to what came before it, which the backward pass reads anyway.
    const isNorm = operator === 'batchNorm' && !inputs[5]
    return live.length === 1 && live[0] === images[0] && !isNorm ? [{ name: live[0] as string, bytes }] : []
  })
}
