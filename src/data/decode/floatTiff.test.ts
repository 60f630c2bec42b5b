/** TIFF files of numbers without a range of their own come out as pictures, and others are refused in words. */
import { describe, expect, test } from 'vitest'
import { decodeImage, TooManyPixels } from './decode.js'
import { tiff } from './tiff.testing.js'

const floats = (values: readonly number[]) => new Uint8Array(Float32Array.from(values).buffer)
const gray = (values: readonly number[]) => tiff([values.length, 1, 1], 32, 'float', 1, floats(values))
const pixelsOf = async (file: Uint8Array) => [...(await decodeImage(file)).pixels]
const three = (values: readonly number[]) => values.flatMap(value => [value, value, value])

describe('TIFF files of floating-point numbers', () => {
  test('between 0 and 1 are shares', async () => {
    expect(await pixelsOf(gray([0, 0.2, 0.5, 1]))).toEqual(three([0, 51, 128, 255]))
    expect(await pixelsOf(gray([0.1, 0.2]))).toEqual(three([26, 51]))
  })

  test('between 0 and 255 are as they are, others go from the least to the greatest', async () => {
    expect(await pixelsOf(gray([0, 7.4, 128, 200]))).toEqual(three([0, 7, 128, 200]))
    expect(await pixelsOf(gray([-1000, 500, 2000]))).toEqual(three([0, 128, 255]))
  })

  test('may hold what is no number', async () => {
    expect(await pixelsOf(gray([Number.NaN, 0.4, 1, Number.POSITIVE_INFINITY]))).toEqual(three([0, 102, 255, 255]))
    expect(await pixelsOf(gray([Number.NaN, Number.NaN]))).toEqual(three([0, 0]))
  })

  test('in colours are not taken for linear light', async () => {
    const file = tiff([2, 1, 3], 32, 'float', 2, floats([0, 0.5, 1, 0.2, 0.4, 0.6]))
    expect(await pixelsOf(file)).toEqual([0, 128, 255, 51, 102, 153])
  })

  test('of 32 bits without a point', async () => {
    const data = new Uint8Array(Uint32Array.of(0, 2 ** 31, 2 ** 32 - 1).buffer)
    expect(await pixelsOf(tiff([3, 1, 1], 32, 'unsigned', 1, data))).toEqual(three([0, 128, 255]))
  })

  test('that are cut off, or claim too much, are bad', async () => {
    const file = gray(Array.from({ length: 5000 }, (_, i) => i / 5000))
    file.writeUInt32LE(100_000, file.readUInt32LE(4) + 2 + 9)
    await expect(decodeImage(file)).rejects.toThrow(/^(truncated|damaged) TIFF/)
    const large = gray([0, 1])
    for (const entry of [0, 1]) large.writeUInt32LE(20_000, large.readUInt32LE(4) + 2 + 12 * entry + 8)
    await expect(decodeImage(large)).rejects.toThrow(TooManyPixels)
  })
})

test.each([
  ['CIELAB TIFFs', tiff([1, 1, 3], 8, 'unsigned', 8, Uint8Array.of(1, 2, 3))],
  ['TIFFs of 5 channels', tiff([1, 1, 5], 8, 'unsigned', 1, new Uint8Array(5))],
  ['TIFFs of float 64-bit numbers', tiff([1, 1, 1], 64, 'float', 1, new Uint8Array(8))],
  ['TIFFs of signed 16-bit numbers', tiff([1, 1, 1], 16, 'signed', 1, new Uint8Array(2))],
])('%s are refused in words', async (what, file) => {
  await expect(decodeImage(file)).rejects.toThrow(`${what} are not read; save it as RGB or gray, of 8 or 16 bits`)
})

test('12 bits in 16 are told, a full range is not', async () => {
  const wide = (most: number) => tiff([2, 1, 1], 16, 'unsigned', 1, new Uint8Array(Uint16Array.of(0, most).buffer))
  expect((await decodeImage(wide(4095))).faint).toBe(true)
  expect((await decodeImage(wide(65535))).faint).toBeUndefined()
})
