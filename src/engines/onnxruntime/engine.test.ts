import { describeEngine } from '../conformance.testing.js'
import { onnxruntimeEngine } from './index.js'
import { reusing } from './reused.testing.js'

describeEngine(onnxruntimeEngine, { forOperators: reusing(true) })
