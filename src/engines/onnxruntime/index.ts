/** The portable engine: ONNX Runtime from npm, on every platform it ships for. */
import { env } from 'onnxruntime-common'
import { RegraftError } from '../../base/errors.js'
import { usableCores } from '../../base/machine.js'
import type { Engine } from '../engine.js'
import { memoryOf, startProgram } from './program.js'
import { lacksRuntime } from './runtime.js'

export { networkModel, type OnnxParts, withParts } from './export.js'
export { encodeModel, type OnnxModel } from './onnxProto.js'
export { type OpenModel, openModel } from './openModel.js'
export { quantise, type Range, rangedTensors, withRanges } from './quantise.js'

export const onnxruntimeEngine: Engine = {
  name: 'onnxruntime',
  library: `ONNX Runtime ${env.versions.common}`,
  supports: (_, precision) => {
    const reason = precision === 'float32' ? lacksRuntime() : `it computes in float32 only, not ${precision}`
    return reason === undefined ? { ok: true } : { ok: false, reason }
  },
  memory: memoryOf,
  compile: async (graph, { precision = 'float32', threads = usableCores() } = {}) => {
    const support = onnxruntimeEngine.supports(graph, precision)
    if (!support.ok) throw new RegraftError('engine', `onnxruntime: ${support.reason}`)
    return startProgram(graph, threads)
  },
}
