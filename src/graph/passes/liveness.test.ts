import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { placeBuffers } from './liveness.js'

const buffer = fc.record({ bytes: fc.integer({ min: 1, max: 5000 }), first: fc.nat(30), length: fc.nat(10) })

describe('placeBuffers', () => {
  it('never lets two buffers overlap that are alive at the same time, and aligns each', () => {
    fc.assert(
      fc.property(fc.array(buffer, { maxLength: 40 }), specs => {
        const buffers = specs.map(({ bytes, first, length }, i) => ({
          name: `${i}`,
          bytes,
          first,
          last: first + length,
        }))
        const { offsets, bytes: total } = placeBuffers(buffers)
        for (const a of buffers) {
          const at = offsets.get(a.name) as number
          expect(at % 64).toBe(0)
          expect(at + a.bytes).toBeLessThanOrEqual(total)
          for (const b of buffers) {
            if (a === b || a.last < b.first || b.last < a.first) continue
            const other = offsets.get(b.name) as number
            expect(at + a.bytes <= other || other + b.bytes <= at).toBe(true)
          }
        }
      }),
    )
  })

  it('uses memory again once its first owner is done', () => {
    const chain = [0, 1, 2, 3].map(i => ({ name: `${i}`, bytes: 640, first: i, last: i + 1 }))
    expect(placeBuffers(chain).bytes).toBe(1280)
  })
})
