/** What may happen to a file on its way: for property tests of everything that reads files. */
import fc from 'fast-check'

const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })

/** Bytes replaced, put in, taken out, repeated, and the end cut off, at any places; at least one of these. */
export const damage: fc.Arbitrary<(bytes: Uint8Array) => Buffer> = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('flip'), at: place, byte: fc.nat(255) }) },
      fc.record({ kind: fc.constant('cut'), at: place }),
      fc.record({ kind: fc.constant('insert'), at: place, bytes: fc.uint8Array({ minLength: 1, maxLength: 16 }) }),
      fc.record({ kind: fc.constant('remove'), at: place, count: fc.integer({ min: 1, max: 64 }) }),
      fc.record({ kind: fc.constant('repeat'), at: place, count: fc.integer({ min: 1, max: 200 }) }),
    ),
    { minLength: 1, maxLength: 6 },
  )
  .map(changes => original => changes.reduce<Buffer>((bytes, change) => changed(bytes, change), Buffer.from(original)))

type Change = { kind: string; at: number; byte?: number; bytes?: Uint8Array; count?: number }

function changed(bytes: Buffer, { kind, at, byte = 0, bytes: added = new Uint8Array(), count = 0 }: Change): Buffer {
  const i = Math.floor(at * bytes.length)
  const [before, after] = [bytes.subarray(0, i), bytes.subarray(i)]
  switch (kind) {
    case 'flip':
      return Buffer.concat([before, Buffer.of(byte).subarray(0, after.length), after.subarray(1)])
    case 'cut':
      return before
    case 'insert':
      return Buffer.concat([before, added, after])
    case 'remove':
      return Buffer.concat([before, after.subarray(count)])
    default:
      return Buffer.concat([before, after.subarray(0, count), after])
  }
}
