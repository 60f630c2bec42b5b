/// <reference types="@webgpu/types" />
/** Whether kernels may sum by subgroups on a device: WGSL does not promise that all of a subgroup's lanes are at work, so it is tried. */
import { array, forEachGroup, threads } from './kernels/kernel.js'
import { type Subgroups, totals } from './kernels/total.js'
import { playedByCpu } from './playedByCpu.js'

/** Threads of the workgroups that sum (`team` of kernels/kernel.ts). */
const sizes = [32, 64, 128, threads]
/** Workgroups of each size that are tried. */
const groups = 16

const powers = (from: number, to: number): number[] => (from > to ? [] : [from, ...powers(2 * from, to)])

/** Numbers whose sum is other bits in another order. */
const numbers = (count: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(12.9898 * i) * 10 ** (i % 5))

/** The sum of a workgroup's numbers as a tree adds them. */
function tree(values: Float32Array): number {
  const sums = values.slice()
  for (let half = sums.length / 2; half >= 1; half /= 2)
    for (let i = 0; i < half; i++) sums[i] = sums[i]! + sums[i + half]!
  return sums[0]!
}

/** Of every thread: how many lanes its subgroup has if all are at work that there are threads for, else 0; and its sum. */
async function tried(device: GPUDevice, size: number, subgroups: Subgroups, values: Float32Array<ArrayBuffer>) {
  const count = groups * size
  const kernel = forEachGroup(
    'subgroups',
    groups,
    [array('x', 'x'), array('y', 'y')],
    `let i = group * ${size}u + thread;
  let sum = total(x[i], thread);
  let working = countOneBits(subgroupBallot(true));
  let all = working.x + working.y + working.z + working.w;
  y[2u * i] = select(0.0, f32(lanes_), all == min(lanes_, ${size}u) && lane_ < all);
  y[2u * i + 1u] = sum;`,
    totals('f32', subgroups, size),
    size,
  )
  const storage = (i: number, name: string) => `@group(0) @binding(${i}) var<storage, read_write> ${name}: array<f32>;`
  const code = `enable subgroups;\n${storage(0, 'x')}\n${storage(1, 'y')}\n${kernel.code}`
  const [x, y, back] = [
    device.createBuffer({ size: 4 * count, usage: 128 | 8 }),
    device.createBuffer({ size: 8 * count, usage: 128 | 4 }),
    device.createBuffer({ size: 8 * count, usage: 1 | 8 }),
  ]
  try {
    const pipeline = await device.createComputePipelineAsync({
      layout: 'auto',
      compute: { module: device.createShaderModule({ code }) },
    })
    device.queue.writeBuffer(x, 0, values)
    const entries = [x, y].map((buffer, binding) => ({ binding, resource: { buffer } }))
    const encoder = device.createCommandEncoder()
    const pass = encoder.beginComputePass()
    pass.setPipeline(pipeline)
    pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }))
    pass.dispatchWorkgroups(...kernel.groups)
    pass.end()
    encoder.copyBufferToBuffer(y, 0, back, 0, 8 * count)
    device.queue.submit([encoder.finish()])
    await back.mapAsync(1)
    return new Float32Array(back.getMappedRange().slice(0))
  } finally {
    for (const buffer of [x, y, back]) buffer.destroy()
  }
}

/** The sizes of a device's subgroups where every thread of every workgroup finds the bits that shared memory gives, else none. */
export async function subgroupsOf(device: GPUDevice): Promise<Subgroups> {
  const { subgroupMinSize: fewest = 0, subgroupMaxSize: most = 0 } = device.adapterInfo ?? {}
  if (!device.features.has('subgroups') || fewest < 1) return []
  const subgroups = powers(fewest, most)
  device.pushErrorScope('validation')
  let sound = true
  try {
    for (const size of sizes) {
      const values = numbers(groups * size)
      const found = await tried(device, size, subgroups, values)
      for (let i = 0; i < groups * size; i++) {
        const first = i - (i % size)
        sound &&= subgroups.includes(found[2 * i]!)
        sound &&=
          i > first
            ? found[2 * i + 1] === found[2 * first + 1]
            : found[2 * i + 1] === tree(values.subarray(first, first + size))
      }
    }
  } catch {
    sound = false
  }
  return (await device.popErrorScope()) || !sound ? [] : subgroups
}

/** Those that programs on a device sum by: none where a CPU plays it, whose subgroups of four read nearly all of a tree each, in shaders that take seconds to compile. */
export const subgroupsFor = async (device: GPUDevice): Promise<Subgroups> =>
  playedByCpu(device.adapterInfo) ? [] : subgroupsOf(device)
