/// <reference types="@webgpu/types" />
/** What runs in a browser: networks, differentiation, and the WebGPU engine on a device of the page's own. Nothing of Node is in it. */
import type { Program } from './engines/engine.js'
import type { Subgroups } from './engines/webgpu/kernels/total.js'
import { planOf } from './engines/webgpu/plan.js'
import { startProgram } from './engines/webgpu/program.js'
import { subgroupsFor } from './engines/webgpu/subgroups.js'
import type { Graph } from './graph/index.js'

export type { Inputs, MemoryPlan, Outputs, Program } from './engines/engine.js'
export {
  elements,
  type Folded,
  forInference,
  type Graph,
  gradientStep,
  inferenceGraph,
  type Optimiser,
  type Role,
  type Shape,
  type TrainingStepOptions,
  trainingStep,
  type Value,
  valuesOf,
} from './graph/index.js'
export { describe, networkGraph, networkNamed, networks } from './models/index.js'

const subgroups = new WeakMap<GPUDevice, Promise<Subgroups>>()

/**
 * Compiles a graph for a GPU. TypeScript knows `GPUDevice` from version 6 on, before it by `@webgpu/types`.
 * @param device asked for with the adapter's own `maxBufferSize`, `maxStorageBufferBindingSize` and
 *   `maxStorageBuffersPerShaderStage` as `requiredLimits`, which large networks need, and with the feature 'subgroups'
 *   where the adapter has it, which makes sums faster and leaves their bits as they are
 * @returns a program whose parameters are zeros until they are written
 * @throws RegraftError('engine') where the device is too small for it
 */
export async function compileOn(device: GPUDevice, graph: Graph): Promise<Program> {
  const { maxBufferSize: buffer, maxStorageBufferBindingSize: binding } = device.limits
  const { maxStorageBuffersPerShaderStage: storageBuffers } = device.limits
  const known = subgroups.get(device) ?? subgroupsFor(device)
  subgroups.set(device, known)
  const limits = { device: 'integrated', subgroups: await known, buffer, binding, storageBuffers } as const
  return startProgram(device, 'this GPU', graph, planOf(graph, limits))
}
