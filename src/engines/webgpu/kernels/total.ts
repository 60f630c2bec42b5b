/** Sums over a workgroup, always in the same order, so that they are always the same bits: by shared memory, and subgroups where there are any. */
import { threads } from './kernel.js'

/** How many threads a subgroup may have on a device, the fewest first; none where subgroups are not used. */
export type Subgroups = readonly number[]

const halvings = (from: number, to: number): number[] => (from < to ? [] : [from, ...halvings(from / 2, to)])

/** A tree in shared memory, at each of whose levels all threads wait for one another. */
const byTree = (type: string, size: number): string => `
fn total(value: ${type}, thread: u32) -> ${type} {
  parts[thread] = value;
  workgroupBarrier();
  for (var half = ${size / 2}u; half > 0u; half >>= 1u) {
    if (thread < half) { parts[thread] = combined(parts[thread], parts[thread + half]); }
    workgroupBarrier();
  }
  let result = parts[0];
  workgroupBarrier();
  return result;
}`

/**
 * The same tree: each subgroup climbs its upper levels alone, reading for each of its lanes what the tree would have put
 * there, and the lower ones by what lanes see of each other. Which threads are a subgroup makes no difference, but all its
 * lanes have to be at work: subgroups.ts tries whether they are.
 */
function bySubgroups(type: string, size: number, subgroups: Subgroups): string {
  const widths = [...new Set(subgroups.map(lanes => Math.min(lanes, size)))]
  const levels = halvings(size / 2, widths[0] as number)
  const [widest] = widths.slice(-1) as [number]
  const climbed = widths.map(width => ({ width, sum: `from${width}(lane_)` }))
  const upper = climbed.map(({ width, sum }, i) =>
    i === climbed.length - 1 ? `default: { sum = ${sum}; }` : `case ${width}u: { sum = ${sum}; }`,
  )
  const always = widths[0] as number
  return `
var<private> lane_: u32;
var<private> lanes_: u32;
fn from${size}(at: u32) -> ${type} { return parts[at]; }
${levels.map(half => `fn from${half}(at: u32) -> ${type} { return combined(from${2 * half}(at), from${2 * half}(at + ${half}u)); }`).join('\n')}
fn total(value: ${type}, thread: u32) -> ${type} {
  parts[thread] = value;
  workgroupBarrier();
  var sum = ${type}();
  ${widths.length === 1 ? `sum = ${climbed[0]!.sum};` : `switch (lanes_) { ${upper.join(' ')} }`}
  ${halvings(widest / 2, 1)
    .map(half => {
      const both = `combined(sum, subgroupShuffleXor(sum, ${half}u))`
      return `sum = ${half < always ? both : `select(sum, ${both}, lanes_ > ${half}u)`};`
    })
    .join('\n  ')}
  workgroupBarrier();
  return sum;
}`
}

/** `total(value, thread)`: the sum over a workgroup of `size` threads, or what `combine` makes of `a` and `b`; the same bits with subgroups and without. */
export const totals = (type: string, subgroups: Subgroups, size = threads, combine = 'a + b'): string => `
var<workgroup> parts: array<${type}, ${size}>;
fn combined(a: ${type}, b: ${type}) -> ${type} { return ${combine}; }
${subgroups.length === 0 ? byTree(type, size) : bySubgroups(type, size, subgroups)}`
