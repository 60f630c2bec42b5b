/** The loops over pixels: the native addon's give the same numbers as those in TypeScript. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { loadAddon } from '../../base/addon.js'
import { nativeLoops } from './pixelLoops.js'
import type { PixelLoops } from './portableLoops.js'
import { portableLoops } from './portableLoops.js'
import { type Interpolation, taps } from './resampleWeights.js'

const native = nativeLoops()

describe.skipIf(native !== undefined)('native loops over pixels', () => {
  test.skip(`skipped: needs the native addon (${loadAddon()})`, () => {})
})

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const interpolation = fc.constantFrom<Interpolation>('bilinear', 'bicubic')

/** A resize of a part of an image, and a window of the result. */
const resizing = fc
  .record({
    width: fc.integer({ min: 1, max: 90 }),
    height: fc.integer({ min: 1, max: 40 }),
    columns: fc.integer({ min: 1, max: 50 }),
    rows: fc.integer({ min: 1, max: 50 }),
    interpolation,
  })
  .chain(sizes => {
    const { width, height, columns, rows } = sizes
    const part = (length: number) =>
      fc.tuple(fc.nat(length - 1), fc.nat(length - 1)).map(([a, b]) => [Math.min(a, b), Math.abs(a - b) + 1] as const)
    return fc.record({
      sizes: fc.constant(sizes),
      pixels: bytes(width * height * 3),
      source: fc.tuple(part(width), part(height)),
      window: fc.tuple(part(columns), part(rows)),
    })
  })

describe.skipIf(native === undefined)('native loops over pixels', () => {
  const loops = native as PixelLoops

  test('resample whatever part of an image to whatever size with the same bytes', () => {
    fc.assert(
      fc.property(resizing, ({ sizes, pixels, source: [[left, width], [top, height]], window: [across, down] }) => {
        const columns = taps(width, sizes.columns, ...across, sizes.interpolation)
        const rows = taps(height, sizes.rows, ...down, sizes.interpolation)
        const result = ({ resample }: PixelLoops) => {
          const target = new Uint8Array(across[1] * down[1] * 3)
          resample(pixels, (top * sizes.width + left) * 3, sizes.width * 3, columns, rows, target)
          return target
        }
        expect(result(loops)).toEqual(result(portableLoops))
      }),
    )
  })

  test('normalise with the same numbers, mirrored or not', () => {
    const table = (scale: number) => Float32Array.from({ length: 256 }, (_, value) => (value / 255 - 0.4) / scale)
    const tables = [table(0.2), table(0.3), table(0.7)] as const
    fc.assert(
      fc.property(bytes(7 * 7 * 3), fc.boolean(), (pixels, flipped) => {
        const result = ({ normalise }: PixelLoops) => {
          const out = new Float32Array(7 * 7 * 3)
          normalise(pixels, 7, flipped, tables, out)
          return out
        }
        expect(result(loops)).toEqual(result(portableLoops))
      }),
    )
  })

  test('filter with the same numbers', () => {
    const numbers = (length: number) =>
      fc.float32Array({ minLength: length, maxLength: length, noNaN: true, max: 255, min: -255 })
    const filter = fc.record({ source: numbers(500), kernel: fc.integer({ min: 1, max: 9 }).chain(numbers) })
    fc.assert(
      fc.property(filter, fc.integer({ min: 1, max: 20 }), ({ source, kernel }, stride) => {
        const reach = (kernel.length - 1) * stride
        const result = ({ symmetric }: PixelLoops) => {
          const out = new Float32Array(503)
          symmetric(source, reach, stride, kernel, out, 3, 500 - 2 * reach)
          return out
        }
        expect(result(loops)).toEqual(result(portableLoops))
      }),
    )
  })

  test('refuse sizes that do not fit together instead of reading beyond the pixels', () => {
    const all = taps(4, 4, 0, 4, 'bilinear')
    const resample = (pixels: number, target: number) => () =>
      loops.resample(new Uint8Array(pixels), 0, 12, all, all, new Uint8Array(target))
    expect(resample(48, 48)).not.toThrow()
    expect(resample(47, 48)).toThrow(RangeError)
    expect(resample(48, 47)).toThrow(RangeError)
    const beyond = { ...all, bounds: Int32Array.of(0, 1, 9, 1, 2, 1, 3, 1) }
    const kernel = new Float32Array(3)
    const filter = (start: number, count: number) => () =>
      loops.symmetric(new Float32Array(9), start, 2, kernel, new Float32Array(9), 0, count)
    expect(filter(4, 1)).not.toThrow()
    expect(filter(3, 1)).toThrow(RangeError)
    expect(filter(4, 2)).toThrow(RangeError)
    expect(() => loops.resample(new Uint8Array(48), 0, 12, beyond, all, new Uint8Array(48))).toThrow(RangeError)
  })
})
