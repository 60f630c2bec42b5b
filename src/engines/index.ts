/** The engines, and which of them runs here. */
import { RegraftError } from '../base/errors.js'
import type { Graph } from '../graph/index.js'
import type { Engine, Precision } from './engine.js'
import { onednnEngine } from './onednn/index.js'
import { onnxruntimeEngine } from './onnxruntime/index.js'
import { webgpuEngine } from './webgpu/index.js'

export {
  type CompileOptions,
  type Engine,
  type Inputs,
  type MemoryPlan,
  type Outputs,
  type Precision,
  type Program,
  totalBytes,
} from './engine.js'

export {
  encodeModel,
  networkModel,
  type OnnxModel,
  type OnnxParts,
  type OpenModel,
  openModel,
  quantise,
  type Range,
  rangedTensors,
  withParts,
  withRanges,
} from './onnxruntime/index.js'
export { noBfloat16, productRates } from './precision.js'
export { wouldFit } from './wouldFit.js'

/** The engines on CPUs, the faster first. */
export const engines: readonly Engine[] = [onednnEngine, onnxruntimeEngine]

export { adapterHere as gpu, adaptersHere as gpus } from './webgpu/adapters.js'

/** Every engine that can be named. */
export const everyEngine: readonly Engine[] = [...engines, webgpuEngine]

/**
 * The engine that runs a graph: the named one, or for 'auto' the first on the CPU that can.
 * @throws RegraftError('engine') with the reasons where none can
 */
export function chooseEngine(name: 'auto' | Engine['name'], graph: Graph, precision: Precision = 'float32'): Engine {
  const candidates = name === 'auto' ? engines : everyEngine.filter(engine => engine.name === name)
  const reasons: string[] = []
  for (const engine of candidates) {
    const support = engine.supports(graph, precision)
    if (support.ok) return engine
    reasons.push(`${engine.name}: ${support.reason}`)
  }
  throw new RegraftError(
    'engine',
    `no engine can run this in ${precision}: ${reasons.join('; ') || `'${name}' is not here`}`,
  )
}
