/** Whatever happens to the bytes of a PyTorch file, reading it ends in tensors or in a clear refusal. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { damage } from '../base/damage.testing.js'
import { RegraftError } from '../base/errors.js'
import { readPyTorch } from './pytorch.js'
import { checkpoint, kinds, legacy, legacyCheckpoint, protocol4 } from './pytorchFiles.testing.js'

describe.each([
  ['legacy', legacy],
  ['legacy checkpoint', legacyCheckpoint],
  ['zip checkpoint', checkpoint],
  ['number formats', kinds],
  ['protocol 4', protocol4],
])('a damaged file: %s', (_, bytes) => {
  it('is read or refused, never more', { timeout: 30_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(damage, async harm => {
        const damaged = harm(bytes)
        try {
          for (const { shape, values } of (await readPyTorch(damaged)).tensors.values()) {
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
