/** The WebGPU engine does what every engine does. */
import { describe, it } from 'vitest'
import { describeEngine } from '../conformance.testing.js'
import { reason, slow, support } from './here.testing.js'
import { webgpuEngine } from './index.js'

if (support.ok) describeEngine(webgpuEngine, slow ? { convolutions: 2, batch: 1, runs: 3 } : {})
else describe('webgpu', () => it.skip(`skipped: needs a GPU or Debian's chromium (${reason})`, () => {}))
