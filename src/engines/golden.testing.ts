/** The golden reference values, and what they are computed from: weights and pixels by an integer hash, and signed sums of gradients. */
import { readFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { sharedPath } from '../base/shared.js'
import { elements, freeze, type Graph, trainingStep, valuesOf } from '../graph/index.js'
import { networkGraph, networkNamed } from '../models/index.js'
import type { Engine, Precision, Program } from './engine.js'

/** One step of a network: loss, logits, gradients, statistics. */
export interface Parity {
  arch: string
  classes: number
  batch: number
  size: number
  labels: number[]
  loss: number
  logits_train_mode: number[][]
  logits_eval_mode: number[][]
  gradients: Record<string, GoldenGradient>
  running_statistics_after_one_step: Record<string, { sum: number; norm: number }>
}

/** Losses of twelve steps of SGD. */
export interface Trajectory {
  arch: string
  classes: number
  batch: number
  size: number
  lr_backbone: number
  lr_head: number
  momentum: number
  nesterov: boolean
  weight_decay: number
  losses: { float64: number[] }
}

/** Whether the reference values are here. */
export const golden = sharedPath('golden/parity.json') !== undefined

/** The cases of a file of reference values; none where they are not here. */
export const readGolden = <T>(file: string): Record<string, T> =>
  golden ? JSON.parse(readFileSync(sharedPath(`golden/${file}`) as string, 'utf8')) : {}

/** `count` numbers in [-1, 1): murmur3's 32-bit finaliser over index * 2654435761 + crc32(name). */
export function uniform(name: string, count: number): Float64Array {
  const seed = crc32(name)
  const numbers = new Float64Array(count)
  for (let i = 0; i < count; i++) numbers[i] = hash(i, seed) / 2147483648 - 1
  return numbers
}

/** What `value` makes of each number: a plain loop, since `from` takes ten times as long over millions. */
function each(numbers: Float64Array, value: (number: number, i: number) => number): Float32Array {
  const made = new Float32Array(numbers.length)
  for (let i = 0; i < numbers.length; i++) made[i] = value(numbers[i]!, i)
  return made
}

function hash(i: number, seed: number): number {
  let h = (Math.imul(i, 2654435761) + seed) >>> 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** A parameter or statistic of a ResNet, from its torchvision name: He-uniform convolutions, norms near the identity. */
function goldenTensor(name: string, shape: readonly number[], basicBlocks: boolean): Float32Array {
  const inner = elements(shape.slice(1))
  const lastNorm = name.endsWith('bn3.weight') || (basicBlocks && name.endsWith('bn2.weight') && name.includes('layer'))
  const value = (u: number): number => {
    if (shape.length === 4) return u * Math.sqrt(6 / inner)
    if (shape.length === 2) return u * Math.sqrt(1 / inner)
    if (name.endsWith('running_var')) return 1 + 0.5 * u
    if (name.endsWith('running_mean') || name.endsWith('bias')) return 0.1 * u
    return (lastNorm ? 0.25 : 1) * (1 + 0.2 * u)
  }
  return each(uniform(name, elements(shape)), value)
}

const made = new Map<string, Float32Array>()

/** Every parameter and statistic of a ResNet's graph. */
export function goldenTensors(graph: Graph): Map<string, Float32Array> {
  const basicBlocks = !graph.values.has('layer1.0.conv3.weight')
  return new Map(
    valuesOf(graph, 'parameter', 'statistic').map(({ name, shape }) => {
      const key = `${name} ${shape.join()} ${basicBlocks}`
      const values = made.get(key) ?? goldenTensor(name, shape, basicBlocks)
      made.set(key, values)
      return [name, values]
    }),
  )
}

/** Writes them into a program. */
export async function writeGolden(program: Program, graph: Graph): Promise<void> {
  for (const [name, values] of goldenTensors(graph)) await program.write(name, values)
}

/** [n, 3, size, size] in [-2, 2): a hash of 8x8 cells plus noise per pixel. */
export function goldenImages(name: string, n: number, size: number): Float32Array {
  const cells = Math.ceil(size / 8)
  const coarse = uniform(`${name}/cells`, n * 3 * cells * cells)
  const fine = uniform(`${name}/pixels`, n * 3 * size * size)
  return each(fine, (value, i) => {
    const column = i % size
    const row = Math.floor(i / size) % size
    const plane = Math.floor(i / (size * size))
    return 1.6 * coarse[(plane * cells + (row >> 3)) * cells + (column >> 3)]! + 0.4 * value
  })
}

/** One-hot targets. */
export function oneHot(labels: readonly number[], classes: number): Float32Array {
  const targets = new Float32Array(labels.length * classes)
  labels.forEach((label, i) => {
    targets[i * classes + label] = 1
  })
  return targets
}

/** A gradient's reference: norm, signed sums, and PyTorch's own float32 error relative to the norm. */
export interface GoldenGradient {
  readonly norm: number
  readonly projections: readonly number[]
  readonly pytorch_float32_relative_error: number
}

/**
 * Norm of the difference between a gradient and its reference, estimated from the signed sums: for random signs the
 * mean square of the sums of a vector is its squared norm.
 */
export function gradientError(name: string, gradient: Float32Array, { projections }: GoldenGradient): number {
  const squares = projections.map((expected, j) => {
    // The sign of the uniform number at each place; there are hundreds of millions of them, so they are not kept, and
    // taken without a branch, which processors would guess wrongly half the time
    const seed = crc32(`${name}#${j}`)
    let sum = 0
    for (let i = 0; i < gradient.length; i++) sum += ((hash(i, seed) >>> 30) & 2) * gradient[i]! - gradient[i]!
    return (sum - expected) ** 2
  })
  return Math.sqrt(squares.reduce((a, b) => a + b) / squares.length)
}

/** Sum and norm of a statistic after a step. */
export const sumAndNorm = (values: Float32Array) => ({
  sum: values.reduce((a, b) => a + b, 0),
  norm: Math.sqrt(values.reduce((a, b) => a + b * b, 0)),
})

/** The losses that an engine comes to on a trajectory's steps. */
export async function trajectoryLosses(
  engine: Engine,
  expected: Trajectory,
  precision: Precision = 'float32',
): Promise<number[]> {
  const isHead = (name: string) => name.startsWith('fc.')
  const forward = networkGraph(networkNamed(expected.arch), { ...expected })
  const graph = trainingStep(
    freeze(forward, name => expected.lr_backbone === 0 && !isHead(name)),
    {
      optimiser: { name: 'sgd', nesterov: expected.nesterov },
      groupOf: name => (isHead(name) ? 'head' : 'backbone'),
    },
  )
  const scalars: Record<string, number> = {
    'learningRate.head': expected.lr_head,
    'learningRate.backbone': expected.lr_backbone,
    'weightDecay.head': expected.weight_decay,
    'weightDecay.backbone': expected.weight_decay,
    momentum: expected.momentum,
  }
  const rates = Object.fromEntries(
    valuesOf(graph, 'input').flatMap(({ name }) => {
      const value = scalars[name]
      return value === undefined ? [] : [[name, Float32Array.of(value)]]
    }),
  )
  const program = await engine.compile(graph, { precision })
  try {
    await writeGolden(program, graph)
    const losses: number[] = []
    for (const step of expected.losses.float64.keys()) {
      const labels = Array.from({ length: expected.batch }, (_, i) => (3 * i + (step % 4)) % expected.classes)
      const images = goldenImages(`step${step % 4}`, expected.batch, expected.size)
      const { loss } = await program.run({ images, targets: oneHot(labels, expected.classes), ...rates })
      losses.push(loss![0]!)
    }
    return losses
  } finally {
    await program.dispose()
  }
}
