/** Whatever happens to the bytes of a PyTorch file, reading it ends in tensors or in a clear refusal. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RegraftError } from '../base/errors.js'
import { readPyTorch } from './pytorch.js'
import { checkpoint, kinds, legacy, legacyCheckpoint, protocol4 } from './pytorchFiles.testing.js'

/** Some bytes replaced at any places, and the end cut off at any place. */
const damage = fc.record({
  flips: fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), fc.nat(255)), {
    minLength: 1,
    maxLength: 8,
  }),
  keep: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.double({ min: 0, max: 1, noNaN: true })),
})

describe.each([
  ['legacy', legacy],
  ['legacy checkpoint', legacyCheckpoint],
  ['zip checkpoint', checkpoint],
  ['number formats', kinds],
  ['protocol 4', protocol4],
])('a damaged file: %s', (_, bytes) => {
  it('is read or refused, never more', { timeout: 30_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(damage, async ({ flips, keep }) => {
        const damaged = Buffer.from(bytes.subarray(0, Math.ceil(bytes.length * keep)))
        for (const [place, value] of flips) if (damaged.length > 0) damaged[Math.floor(place * damaged.length)] = value
        try {
          for (const { shape, values } of (await readPyTorch(damaged)).values()) {
            expect(values).toBeInstanceOf(Float32Array)
            expect(values.length).toBe(shape.reduce((product, side) => product * side, 1))
            expect(values.length).toBeLessThanOrEqual(2 * damaged.length)
          }
        } catch (error) {
          expect(error).toBeInstanceOf(RegraftError)
        }
      }),
      { numRuns: 400 },
    )
  })
})
