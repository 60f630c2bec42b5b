/** Safetensors files are written as the format's specification says, read back exactly, and refused where they break it. */
import { readdirSync } from 'node:fs'
import { mkdir, open, readFile, writeFile } from 'node:fs/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RegraftError } from '../base/errors.js'
import { temporaryFolder } from '../base/folder.testing.js'
import { floats } from './craft.testing.js'
import { readSafetensors, writeSafetensors } from './safetensors.js'
import type { StateTensor } from './stateDict.js'

const inFolder = temporaryFolder()

const of = (shape: number[], values: number[]): StateTensor => ({ shape, values: Float32Array.from(values) })

/** A file made by hand: the length of the header, the header, the data. */
function file(header: object | string, data: Buffer = Buffer.alloc(0)): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  return Buffer.concat([length, text, data])
}

async function read(bytes: Buffer) {
  const path = inFolder('read.safetensors')
  await writeFile(path, bytes)
  return readSafetensors(path)
}

const entry = (dtype: string, shape: number[], from: number, to: number) => ({ dtype, shape, data_offsets: [from, to] })

describe('writing', () => {
  it('lays the bytes out as specified, with an aligned header', async () => {
    const path = inFolder('layout.safetensors')
    const tensors = new Map([
      ['b', of([2, 1], [1.5, -2])],
      ['a', of([], [3])],
    ])
    await writeSafetensors(path, tensors, { format: 'pt', note: 'ü' })
    const bytes = await readFile(path)
    const length = Number(bytes.readBigUInt64LE())
    expect(length % 8).toBe(0)
    expect(JSON.parse(bytes.subarray(8, 8 + length).toString())).toEqual({
      __metadata__: { format: 'pt', note: 'ü' },
      b: entry('F32', [2, 1], 0, 8),
      a: entry('F32', [], 8, 12),
    })
    expect(bytes.subarray(8 + length)).toEqual(floats([1.5, -2, 3]))
  })

  it('gives back names in order, shapes, every bit of the numbers, and metadata', async () => {
    const path = inFolder('round.safetensors')
    const tensors = fc.uniqueArray(
      fc.tuple(fc.oneof(fc.string(), fc.nat(20).map(String)), fc.float32Array({ maxLength: 20 })),
      { selector: ([name]) => name, maxLength: 8 },
    )
    const metadata = fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true, maxKeys: 4 })
    await fc.assert(
      fc.asyncProperty(tensors, metadata, async (pairs, texts) => {
        // Names that JavaScript or the format itself gives a meaning to.
        fc.pre([...pairs.map(([name]) => name), ...Object.keys(texts)].every(name => !name.startsWith('__')))
        const written = new Map(pairs.map(([name, values]) => [name, { shape: [values.length], values }]))
        await writeSafetensors(path, written, texts)
        const found = await readSafetensors(path)
        expect(found.metadata).toEqual(texts)
        const nonEmpty = (state: Iterable<readonly [string, StateTensor]>) =>
          [...state].filter(([, { values }]) => values.length > 0)
        expect(nonEmpty(found.tensors)).toEqual(nonEmpty(written))
        expect(found.tensors.size).toBe(written.size)
      }),
      { numRuns: 100 },
    )
  })

  it('writes tensors that are parts of larger arrays', async () => {
    const path = inFolder('part.safetensors')
    await writeSafetensors(path, new Map([['w', { shape: [2], values: Float32Array.of(1, 2, 3, 4).subarray(1, 3) }]]))
    expect((await readSafetensors(path)).tensors.get('w')).toEqual(of([2], [2, 3]))
  })

  it('replaces a file as a whole, and leaves the old one and nothing else where writing fails', async () => {
    await mkdir(inFolder('replace'))
    const path = inFolder('replace/w.safetensors')
    await writeSafetensors(path, new Map([['old', of([1], [1])]]))
    await expect(writeSafetensors(path, new Map([['new', of([3], [1])]]))).rejects.toThrow("'new' has 1 values")
    expect([...(await readSafetensors(path)).tensors.keys()]).toEqual(['old'])
    await writeSafetensors(path, new Map([['new', of([1], [1])]]))
    expect([...(await readSafetensors(path)).tensors.keys()]).toEqual(['new'])
    expect(readdirSync(inFolder('replace'))).toEqual(['w.safetensors'])
  })

  it('writes 240 MB without a copy of it in memory', async () => {
    const path = inFolder('large.safetensors')
    const values = new Float32Array(10_000_000).fill(0.5)
    const tensors = new Map(Array.from({ length: 6 }, (_, i) => [`w${i}`, { shape: [values.length], values }]))
    const before = process.memoryUsage()
    await writeSafetensors(path, tensors)
    const after = process.memoryUsage()
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(20e6)
    const written = await open(path)
    expect((await written.stat()).size).toBeGreaterThan(240_000_000)
    await written.close()
  })
})

describe('reading', () => {
  it.each([
    ['F64', Buffer.from(Float64Array.of(1, -0.5).buffer), [1, -0.5]],
    ['F32', floats([1, -0.5]), [1, -0.5]],
    ['F16', Buffer.from('003c00b8', 'hex'), [1, -0.5]],
    ['BF16', Buffer.from('803f00bf', 'hex'), [1, -0.5]],
    ['I64', Buffer.from(BigInt64Array.of(7n, -1n).buffer), [7, -1]],
    ['I32', Buffer.from(Int32Array.of(7, -1).buffer), [7, -1]],
    ['I16', Buffer.from('0700ffff', 'hex'), [7, -1]],
    ['I8', Buffer.from('07ff', 'hex'), [7, -1]],
    ['U8', Buffer.from('07ff', 'hex'), [7, 255]],
    ['U16', Buffer.from('0700ffff', 'hex'), [7, 65535]],
    ['U32', Buffer.from('0700000000000080', 'hex'), [7, 2 ** 31]],
    ['U64', Buffer.from(BigUint64Array.of(7n, 1n).buffer), [7, 1]],
    ['BOOL', Buffer.from('0100', 'hex'), [1, 0]],
  ])('converts %s', async (dtype, data, values) => {
    const { tensors } = await read(file({ w: entry(dtype, [2], 0, data.length) }, data))
    expect([...(tensors.get('w')?.values ?? [])]).toEqual(values)
    expect(tensors.get('w')?.integer === true).toBe(!dtype.includes('F'))
  })

  it('converts every half-precision kind of number', async () => {
    // The least and the largest, a subnormal, zeros of both signs, infinity.
    const data = Buffer.from('0100ff7b000200000080007c', 'hex')
    const { tensors } = await read(file({ w: entry('F16', [6], 0, 12) }, data))
    expect([...(tensors.get('w')?.values ?? [])]).toEqual([2 ** -24, 65504, 2 ** -15, 0, -0, Number.POSITIVE_INFINITY])
  })

  it('takes the order from the data, not from the header', async () => {
    const header = { 1: entry('F32', [1], 4, 8), z: entry('F32', [1], 0, 4) }
    expect([...(await read(file(header, floats([1, 2])))).tensors.keys()]).toEqual(['z', '1'])
  })

  it.each([
    ['a gap', { a: entry('F32', [1], 4, 8) }, 8, 'lies outside the file or over another tensor'],
    [
      'an overlap',
      { a: entry('F32', [2], 0, 8), b: entry('F32', [1], 4, 8) },
      8,
      'lies outside the file or over another tensor',
    ],
    ['an end beyond the file', { a: entry('F32', [4], 0, 16) }, 8, 'lies outside the file or over another tensor'],
    [
      'a size that is not the shape’s',
      { a: entry('F32', [3], 0, 8) },
      8,
      'lies outside the file or over another tensor',
    ],
    [
      'a shape that overflows',
      { a: entry('F32', [2 ** 40, 2 ** 40, 0, 2 ** 50], 0, 8) },
      8,
      'lies outside the file or over another tensor',
    ],
    ['bytes that belong to nothing', { a: entry('F32', [1], 0, 4) }, 8, 'there is more in it than its header says'],
    ['a negative side', { a: entry('F32', [-1], 0, 4) }, 4, 'its header is not as the format says'],
    [
      'an unknown number format',
      { a: entry('F8_E4M3', [4], 0, 4) },
      4,
      "'a' has the number format F8_E4M3, which is not known here",
    ],
    ['an entry that is text', { a: { dtype: 'F32' } }, 0, "'a' is no tensor"],
    ['metadata that are no text', { __metadata__: entry('F32', [1], 0, 0) }, 0, 'its metadata are not text'],
    ['a header that is no JSON', '{"a":', 0, 'its header is not as the format says'],
    ['a header that is a list', '[]', 0, 'its header is not as the format says'],
  ])('refuses %s', async (_, header, bytes, reason) => {
    const reading = read(file(header, Buffer.alloc(bytes)))
    await expect(reading).rejects.toThrow(/read\.safetensors is no intact safetensors file \(.+\); get it again/)
    await expect(reading).rejects.toThrow(reason)
    await expect(reading).rejects.toBeInstanceOf(RegraftError)
  })

  it('refuses a header that is longer than the file or the format allows, without reading it', async () => {
    const path = inFolder('bomb.safetensors')
    const sparse = await open(path, 'w')
    const length = Buffer.alloc(9, '{')
    length.writeBigUInt64LE(400n * 1024n ** 2n)
    await sparse.write(length)
    await sparse.truncate(500 * 1024 ** 2)
    await sparse.close()
    await expect(readSafetensors(path)).rejects.toThrow('header is longer')
    await expect(read(Buffer.from('\xff\xff\xff\xff\xff\xff\xff\xff{', 'latin1'))).rejects.toThrow('header is longer')
  })

  it('refuses more entries and longer names than any network has, before it looks at them', async () => {
    const of = async (header: object) => {
      const text = Buffer.from(JSON.stringify(header))
      const length = Buffer.alloc(8)
      length.writeBigUInt64LE(BigInt(text.length))
      return read(Buffer.concat([length, text]))
    }
    const many = Object.fromEntries(Array.from({ length: 20_001 }, (_, i) => [`w${i}`, 1]))
    await expect(of(many)).rejects.toThrow('it has more than 20000 entries, which no network has')
    await expect(of({ ['x'.repeat(1001)]: 1 })).rejects.toThrow('it has a name of 1001 characters')
  })

  it('reads or refuses a damaged file, never more', async () => {
    const whole = file(
      { __metadata__: { a: 'b' }, w: entry('F16', [2, 2], 0, 8), n: entry('I64', [], 8, 16) },
      Buffer.alloc(16, 1),
    )
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), async (at, value, length) => {
        const damaged = Buffer.from(whole)
        damaged[at] = value
        const error: unknown = await read(damaged.subarray(0, length > 0 ? length : whole.length)).catch(
          reason => reason,
        )
        if (error instanceof Error) expect(error).toBeInstanceOf(RegraftError)
      }),
      { numRuns: 200 },
    )
  })
})
