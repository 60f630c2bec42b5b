import { describeEngine } from '../conformance.testing.js'
import { onnxruntimeEngine } from './index.js'

describeEngine(onnxruntimeEngine)
