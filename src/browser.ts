/// <reference types="@webgpu/types" />
/** What runs in a browser: networks, differentiation, and the WebGPU engine on a device of the page's own. Nothing of Node is in it. */
import type { Program } from './engines/engine.js'
import { planOf } from './engines/webgpu/plan.js'
import { startProgram } from './engines/webgpu/program.js'
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

/**
 * Compiles a graph for a GPU.
 * @param device asked for with the adapter's own `maxBufferSize`, `maxStorageBufferBindingSize` and
 *   `maxStorageBuffersPerShaderStage` as `requiredLimits`: large networks need them
 * @returns a program whose parameters are zeros until they are written
 * @throws RegraftError('engine') where the device is too small for it
 */
export function compileOn(device: GPUDevice, graph: Graph): Promise<Program> {
  const { maxBufferSize: buffer, maxStorageBufferBindingSize: binding } = device.limits
  return startProgram(device, 'this GPU', graph, planOf(graph, { device: 'integrated', buffer, binding }))
}
