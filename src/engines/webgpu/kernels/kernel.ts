/** What a kernel is: WGSL, the values that it reads and writes, and how many workgroups run it; and what most of them share. */
import type { Activation } from '../../../graph/index.js'

/** A value of the graph, or scratch memory, under the name that a kernel's code has for it. */
export interface Bound {
  readonly variable: string
  readonly value: string
  /** Elements of the array in WGSL; arrays of vec4f may be read to a multiple of four elements. */
  readonly type: 'f32' | 'vec4f'
}

/** One dispatch. Its code declares no bindings: those follow from `bound`. */
export interface Kernel {
  /** The operator that it is a part of. */
  readonly name: string
  readonly code: string
  readonly bound: readonly Bound[]
  readonly groups: readonly [number, number, number]
}

/** Scratch memory that kernels of one node pass to each other. */
export interface Scratch {
  readonly name: string
  readonly elements: number
}

/** What a node becomes. */
export interface Lowered {
  readonly kernels: readonly Kernel[]
  readonly scratch?: readonly Scratch[]
}

export const array = (variable: string, value: string): Bound => ({ variable, value, type: 'f32' })
export const vectors = (variable: string, value: string): Bound => ({ variable, value, type: 'vec4f' })

/** Threads of a workgroup in all kernels but products, at most: no device allows less than 256. */
export const threads = 256

/** Threads of a workgroup that sums up `count` numbers: few numbers keep few threads, which wait for one another less often. */
export const team = (count: number): number =>
  Math.min(threads, Math.max(32, 2 ** Math.ceil(Math.log2(Math.max(1, count / 4)))))

/** Workgroups along an axis of a grid; no device allows less than 65535. */
const widest = 32768

/** A grid of at least that many workgroups, and the code of a workgroup's number in it (`group`). */
export function grid(count: number): { readonly groups: readonly [number, number, number]; readonly index: string } {
  const x = Math.min(count, widest)
  return { groups: [x, Math.ceil(count / x), 1], index: `let group = workgroup.y * ${x}u + workgroup.x;` }
}

/** A kernel in which each of `count` threads does the same: `body` knows its number as `i`. */
export function forEach(name: string, count: number, bound: readonly Bound[], body: string, functions = ''): Kernel {
  const { groups, index } = grid(Math.ceil(count / threads))
  const code = `${functions}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  ${index}
  let i = group * ${threads}u + thread;
  if (i >= ${count}u) { return; }
  ${body}
}`
  return { name, code, bound, groups }
}

/** What a kernel that sums by subgroups (total.ts) knows of each thread: parameters of its main function, and where they are kept. */
const laneOfThread = [
  ', @builtin(subgroup_invocation_id) lane: u32, @builtin(subgroup_size) lanes: u32',
  '\n  lane_ = lane; lanes_ = lanes;',
] as const

/** As `forEach`, for element by element over arrays of vec4f. */
export const elementwise = (name: string, count: number, bound: readonly Bound[], body: string): Kernel =>
  forEach(name, Math.ceil(count / 4), bound, body)

/** A kernel in which each of `count` workgroups, of `size` threads, does the same: `body` knows its number as `group`, and `thread`. */
export function forEachGroup(
  name: string,
  count: number,
  bound: readonly Bound[],
  body: string,
  functions = '',
  size = threads,
): Kernel {
  const { groups, index } = grid(count)
  const [known, kept] = functions.includes('lane_') ? laneOfThread : ['', '']
  const code = `${functions}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32${known}) {
  ${index}${kept}
  if (group >= ${count}u) { return; }
  ${body}
}`
  return { name, code, bound, groups }
}

/** The activation of a variable. NaN stays NaN, so that the loss tells of it: max and clamp may lose it. */
export function activated(activation: Activation, value: string, type: 'f32' | 'vec4f' = 'f32'): string {
  if (activation === 'none') return value
  const below = activation === 'relu6' ? `select(${value}, ${type}(6), ${value} > ${type}(6))` : value
  return `select(${below}, ${type}(0), ${value} < ${type}(0))`
}

/** `d` where the activation that gave `y` lets a gradient pass, else 0. */
export function passed(activation: Activation, d: string, y: string, type: 'f32' | 'vec4f' = 'f32'): string {
  if (activation === 'none') return d
  const below = activation === 'relu6' ? ` & (${y} < ${type}(6))` : ''
  return `select(${type}(0), ${d}, (${y} > ${type}(0))${below})`
}

/** Workgroups that share a sum over `count` numbers: enough to fill a large device together with `others`, of at least 2048 numbers. */
export const shares = (count: number, others: number): number =>
  Math.max(1, Math.min(64, Math.ceil(count / 2048), Math.ceil(1024 / others)))
