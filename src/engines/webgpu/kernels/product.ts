/** The template of all products: rows by columns, summed over a depth, with factors that code computes as they are read. */
import { type Tile, threadsOf } from '../tiles.js'
import { type Bound, grid, type Kernel } from './kernel.js'

/**
 * A factor of a product, in WGSL. `line` is a row of the left factor or a column of the right one; what depends on it alone
 * is computed once, what depends on the depth alone once for four lines.
 */
export interface Factor {
  /** Body of a function of `line: u32`, vec3i; lines behind the last one may be asked for. */
  readonly line: string
  /** Body of a function of `depth: u32` (below the product's end of depth) and `product: u32`, vec3i. */
  readonly step: string
  /** Body of a function of `line: vec3i` and `step: vec3i`, f32. */
  readonly value: string
  /** The same for four lines that stand together, vec4f, where memory allows it. */
  readonly four?: string
  /** Along what neighbours in memory lie, which neighbouring threads read. */
  readonly along: 'line' | 'depth'
}

export interface Product {
  readonly name: string
  readonly rows: number
  readonly columns: number
  readonly depth: number
  /** Independent products (groups of a convolution). */
  readonly products?: number
  /** Parts of the depth that workgroups of their own sum up. */
  readonly parts?: number
  readonly left: Factor
  readonly right: Factor
  /** Statements that take `row`, `column`, `product`, `part` and `value`. */
  readonly store: string
  readonly bound: readonly Bound[]
  readonly functions?: string
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i)
const components = ['x', 'y', 'z', 'w']

const functionsOf = (side: string, { line, step, value, four }: Factor): string => `
fn ${side}Line(line: u32, product: u32) -> vec3i { ${line} }
fn ${side}Step(depth: u32, product: u32) -> vec3i { ${step} }
fn ${side}Value(line: vec3i, step: vec3i) -> f32 { ${value} }
${four ? `fn ${side}Four(line: vec3i, step: vec3i) -> vec4f { ${four} }` : ''}`

/** Reads four lines at a depth; both are names of what `lines` and `step` computed. */
const read = (side: string, factor: Factor, lines: string, step: string): string =>
  factor.four
    ? `${side}Four(${lines}0, ${step})`
    : `vec4f(${range(4)
        .map(i => `${side}Value(${lines}${i}, ${step})`)
        .join(', ')})`

const lines = (side: string, factor: Factor, name: string, first: string): string =>
  range(factor.four ? 1 : 4)
    .map(i => `let ${name}${i} = ${side}Line(${first} + ${i}u, product);`)
    .join('\n  ')

/** What a thread adds up, and where it goes. */
function registers({ high, wide }: Tile) {
  const sums = range(4 * high).flatMap(row => range(wide).map(column => ({ row, column, name: `sum${row}_${column}` })))
  return {
    declared: sums.map(({ name }) => `var ${name} = vec4f(0);`).join(' '),
    added: sums
      .map(
        ({ row, column, name }) =>
          `${name} = fma(vec4f(left${row >> 2}.${components[row & 3]}), right${column}, ${name});`,
      )
      .join('\n      '),
    sums,
  }
}

/** Shared memory: each factor's part of a step, filled by all threads, four lines at a time. */
function fill(side: string, factor: Factor, lineCount: number, depth: number, count: number): [string, string] {
  const fours = lineCount / 4
  const slots = range(Math.ceil((fours * depth) / count))
  const place = (slot: number) => {
    const at = `(thread + ${slot * count}u)`
    return factor.along === 'line'
      ? { four: `${at} % ${fours}u`, step: `${at} / ${fours}u` }
      : { four: `${at} / ${depth}u`, step: `${at} % ${depth}u` }
  }
  const before = slots
    .map(slot => {
      const { four, step } = place(slot)
      return `let ${side}At${slot} = ${four}; let ${side}Deep${slot} = ${step};
  ${lines(side, factor, `${side}Line${slot}_`, `${side}First + 4u * ${side}At${slot}`)}`
    })
    .join('\n  ')
  const within = slots
    .map(slot => {
      const partial = (slot + 1) * count > fours * depth
      return `${partial ? `if (${side}Deep${slot} < ${depth}u && ${side}At${slot} < ${fours}u) ` : ''}{
      let depth = start + ${side}Deep${slot};
      var four = vec4f(0);
      if (depth < end) { let step = ${side}Step(depth, product); four = ${read(side, factor, `${side}Line${slot}_`, 'step')}; }
      ${side}Tile[${side}Deep${slot} * ${fours}u + ${side}At${slot}] = four;
    }`
    })
    .join('\n    ')
  return [before, within]
}

/** The kernel of a product with tiles of that kind. */
export function product(what: Product, tile: Tile): Kernel {
  const { name, rows, columns, depth, products = 1, parts = 1, left, right, store, bound, functions = '' } = what
  const count = threadsOf(tile)
  const wideThreads = tile.columns / (4 * tile.wide)
  const { declared, added, sums } = registers(tile)
  const share = Math.ceil(depth / parts)
  const [across, down] = [Math.ceil(columns / tile.columns), Math.ceil(rows / tile.rows)]
  const { groups, index } = grid(across * down * products * parts)
  const leftFours = tile.rows / 4
  const rightFours = tile.columns / 4
  const leftAt = (i: number) => `${tile.high}u * (thread / ${wideThreads}u) + ${i}u`
  const rightAt = (j: number) => `thread % ${wideThreads}u + ${j * wideThreads}u`
  const [fillLeft, filledLeft] = fill('left', left, tile.rows, tile.depth, count)
  const [fillRight, filledRight] = fill('right', right, tile.columns, tile.depth, count)
  const sharedLoop = `${fillLeft}
  ${fillRight}
  for (var start = begin; start < end; start += ${tile.depth}u) {
    ${filledLeft}
    ${filledRight}
    workgroupBarrier();
    for (var k = 0u; k < ${tile.depth}u; k++) {
      ${range(tile.high)
        .map(i => `let left${i} = leftTile[k * ${leftFours}u + ${leftAt(i)}];`)
        .join(' ')}
      ${range(tile.wide)
        .map(j => `let right${j} = rightTile[k * ${rightFours}u + ${rightAt(j)}];`)
        .join(' ')}
      ${added}
    }
    workgroupBarrier();
  }`
  const directLoop = `${range(tile.high)
    .map(i => lines('left', left, `leftLine${i}_`, `leftFirst + 4u * (${leftAt(i)})`))
    .join('\n  ')}
  ${range(tile.wide)
    .map(j => lines('right', right, `rightLine${j}_`, `rightFirst + 4u * (${rightAt(j)})`))
    .join('\n  ')}
  for (var k = begin; k < end; k++) {
      let leftNow = leftStep(k, product); let rightNow = rightStep(k, product);
      ${range(tile.high)
        .map(i => `let left${i} = ${read('left', left, `leftLine${i}_`, 'leftNow')};`)
        .join(' ')}
      ${range(tile.wide)
        .map(j => `let right${j} = ${read('right', right, `rightLine${j}_`, 'rightNow')};`)
        .join(' ')}
      ${added}
  }`
  // No index reaches a GPU's registers, so each sum is written by its own line; where a CPU plays the GPU, one line compiles sooner
  const stores = tile.shared
    ? sums.flatMap(({ row, column, name: sum }) =>
        range(4).map(
          c =>
            `store(leftFirst + 4u * (${leftAt(row >> 2)}) + ${row & 3}u, rightFirst + 4u * (${rightAt(column)}) + ${c}u, product, part, ${sum}.${components[c]});`,
        ),
      )
    : [
        `var sums = array<vec4f, ${sums.length}>(${sums.map(({ name: sum }) => sum).join(', ')});
  for (var i = 0u; i < ${4 * sums.length}u; i++) {
    let row = i / ${4 * tile.wide}u; let column = i / 4u % ${tile.wide}u;
    store(leftFirst + ${4 * tile.high}u * (thread / ${wideThreads}u) + row, rightFirst + 4u * (thread % ${wideThreads}u + column * ${wideThreads}u) + i % 4u, product, part, sums[i / 4u][i % 4u]);
  }`,
      ]
  const code = `${functions}
${functionsOf('left', left)}
${functionsOf('right', right)}
fn store(row: u32, column: u32, product: u32, part: u32, value: f32) {
  if (row >= ${rows}u || column >= ${columns}u) { return; }
  ${store}
}
${
  tile.shared
    ? `var<workgroup> leftTile: array<vec4f, ${leftFours * tile.depth}>;
var<workgroup> rightTile: array<vec4f, ${rightFours * tile.depth}>;`
    : ''
}
@compute @workgroup_size(${count})
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) thread: u32) {
  ${index}
  if (group >= ${across * down * products * parts}u) { return; }
  let part = group / ${across * down}u % ${parts}u;
  let product = group / ${across * down * parts}u;
  let begin = part * ${share}u;
  let end = min(begin + ${share}u, ${depth}u);
  let rightFirst = group % ${across}u * ${tile.columns}u;
  let leftFirst = group / ${across}u % ${down}u * ${tile.rows}u;
  ${declared}
  ${tile.shared ? sharedLoop : directLoop}
  ${stores.join('\n  ')}
}`
  return { name, code, bound, groups }
}
