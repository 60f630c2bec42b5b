import { describe, it } from 'vitest'
import { networkGraph, networkNamed } from '../../models/index.js'
import { describeEngine } from '../conformance.testing.js'
import type { Precision } from '../engine.js'
import { onednnEngine } from './index.js'

const graph = networkGraph(networkNamed('resnet18'), { classes: 2, batch: 1 })
/** bfloat16 keeps eight binary digits, so that rounding a result changes it by 2^-8 of itself at most. */
const tolerances: Record<Precision, number> = { float32: 2e-5, bfloat16: 2 ** -8 }

for (const precision of ['float32', 'bfloat16'] as const) {
  const support = onednnEngine.supports(graph, precision)
  if (support.ok) describeEngine(onednnEngine, { precision, tolerance: tolerances[precision] })
  else describe(`onednn in ${precision}`, () => it.skip(`skipped: ${support.reason}`, () => {}))
}
