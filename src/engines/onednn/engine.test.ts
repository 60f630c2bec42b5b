import { describe, it } from 'vitest'
import { describeEngine } from '../conformance.testing.js'
import { onednnEngine } from './index.js'
import { nativeAddon } from './native.js'

const addon = nativeAddon()
if (typeof addon === 'string')
  describe('onednn', () => it.skip(`skipped: needs the native engine (${addon})`, () => {}))
else describeEngine(onednnEngine)
