/** What the engine does where the runtime has no kernels on blocks of channels, as on ARM. */
import { describeEngine } from '../conformance.testing.js'
import { onnxruntimeEngine } from './index.js'
import { startProgram } from './program.js'
import { reusing } from './reused.testing.js'

describeEngine(
  { ...onnxruntimeEngine, compile: (graph, { threads = 2 } = {}) => startProgram(graph, threads, false) },
  { forOperators: reusing(false) },
)
