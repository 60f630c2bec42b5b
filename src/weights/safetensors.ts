/** The safetensors format, both ways: a JSON header with names, shapes and offsets, then the numbers. */
import type { FileHandle } from 'node:fs/promises'
import { z } from 'zod'
import { RegraftError } from '../base/errors.js'
import { replaceFile } from '../base/files.js'
import { parseJson } from '../base/json.js'
import { openRegular } from '../base/readText.js'
import { checkNames } from './bounds.js'
import { elementSize, isInteger, type NumberFormat, toFloat32 } from './numbers.js'
import { printable } from './printable.js'
import type { StateDict, StateTensor, Weights } from './stateDict.js'
import { writeBytes } from './writeBytes.js'

/** The format allows more; a header of this size has some hundred thousand entries. */
const largestHeader = 16 * 1024 ** 2

const formats: Readonly<Record<string, NumberFormat>> = {
  F64: 'float64',
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
  I64: 'int64',
  I32: 'int32',
  I16: 'int16',
  I8: 'int8',
  U64: 'uint64',
  U32: 'uint32',
  U16: 'uint16',
  U8: 'uint8',
  BOOL: 'bool',
}

const natural = z.number().int().min(0)
const headerSchema = z.record(
  z.string(),
  z.union([
    z.object({ dtype: z.string(), shape: z.array(natural).max(16), data_offsets: z.tuple([natural, natural]) }),
    z.record(z.string(), z.string()),
  ]),
)

/** Reads all tensors. @throws RegraftError('weights') where the file is damaged or no safetensors file */
export async function readSafetensors(path: string): Promise<Weights> {
  let file: FileHandle
  try {
    file = await openRegular(path)
  } catch (error) {
    throw new RegraftError('weights', `${path} cannot be read (${(error as Error).message}); check the path`)
  }
  try {
    return await parse(file, path)
  } finally {
    await file.close()
  }
}

const damaged = (path: string, what: string) =>
  new RegraftError('weights', `${path} is no intact safetensors file (${printable(what)}); get it again`)

async function parse(file: FileHandle, path: string): Promise<Weights> {
  const { size } = await file.stat()
  const prefix = await bytesAt(file, 0, 8)
  if (!prefix) throw damaged(path, 'it is shorter than its header')
  const headerLength = Number(prefix.readBigUInt64LE())
  if (headerLength > size - 8) throw damaged(path, 'its header is longer than the file')
  if (headerLength > largestHeader) throw damaged(path, "its header is longer than any network's")
  const header = await bytesAt(file, 8, headerLength)
  const json = header ? parseJson(header.toString('utf8')) : undefined
  try {
    checkNames(typeof json === 'object' && json !== null ? Object.keys(json) : [])
  } catch (error) {
    throw damaged(path, (error as Error).message)
  }
  const parsed = headerSchema.safeParse(json)
  if (!parsed.success) throw damaged(path, 'its header is not as the format says')
  const { __metadata__: metadata, ...entries } = parsed.data
  const start = 8 + headerLength
  const tensors = new Map<string, StateTensor>()
  let expected = 0
  // In the order of the data: that of JSON's keys would put names that are numbers first.
  const ordered = Object.entries(entries).sort(
    ([, a], [, b]) => offset(a, 0) - offset(b, 0) || offset(a, 1) - offset(b, 1),
  )
  for (const [name, entry] of ordered) {
    if (!isTensorEntry(entry)) throw damaged(path, `'${name}' is no tensor`)
    const { shape } = entry
    const format = formats[entry.dtype]
    if (!format) throw damaged(path, `'${name}' has the number format ${entry.dtype}, which is not known here`)
    const count = shape.includes(0) ? 0 : shape.reduce((product, side) => product * side, 1)
    const [from, to] = entry.data_offsets
    if (from !== expected || to - from !== count * elementSize[format] || start + to > size)
      throw damaged(path, `'${name}' lies outside the file or over another tensor`)
    expected = to
    const values = await numbersAt(file, start + from, format, count)
    if (!values) throw damaged(path, `'${name}' is cut off`)
    tensors.set(name, isInteger(format) ? { shape, values, integer: true } : { shape, values })
  }
  if (start + expected !== size) throw damaged(path, 'there is more in it than its header says')
  const texts = z.record(z.string(), z.string()).safeParse(metadata ?? {})
  if (!texts.success) throw damaged(path, 'its metadata are not text')
  return { tensors, metadata: texts.data }
}

type Entry = z.infer<typeof headerSchema>[string]
type TensorEntry = { dtype: string; shape: number[]; data_offsets: [number, number] }

const isTensorEntry = (entry: Entry): entry is TensorEntry => Array.isArray((entry as { shape?: unknown }).shape)
const offset = (entry: Entry, end: 0 | 1): number => (isTensorEntry(entry) ? entry.data_offsets[end] : 0)

async function numbersAt(
  file: FileHandle,
  position: number,
  format: NumberFormat,
  count: number,
): Promise<Float32Array | undefined> {
  if (format !== 'float32') {
    const bytes = await bytesAt(file, position, count * elementSize[format])
    return bytes && toFloat32(bytes, format, count)
  }
  const values = new Float32Array(count)
  return (await fill(file, position, Buffer.from(values.buffer))) ? values : undefined
}

async function bytesAt(file: FileHandle, position: number, length: number): Promise<Buffer | undefined> {
  const buffer = Buffer.allocUnsafe(length)
  return (await fill(file, position, buffer)) ? buffer : undefined
}

/** Bytes to read at once: Node does at most 2 GB. */
const piece = 256 * 1024 ** 2

/** Fills the buffer from the file; false where the file ends before. */
async function fill(file: FileHandle, position: number, buffer: Buffer): Promise<boolean> {
  for (let done = 0; done < buffer.length; ) {
    const { bytesRead } = await file.read(buffer, done, Math.min(piece, buffer.length - done), position + done)
    if (bytesRead === 0) return false
    done += bytesRead
  }
  return true
}

/**
 * Writes tensors as float32, in their order, aside first and then renamed: a crash leaves the old file or the new one.
 * The numbers go to the file from where they are; nothing is copied.
 */
export async function writeSafetensors(
  path: string,
  tensors: StateDict,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  let offset = 0
  const header = new Map<string, unknown>([['__metadata__', metadata]])
  for (const [name, { shape, values }] of tensors) {
    if (shape.reduce((product, side) => product * side, 1) !== values.length)
      throw new RangeError(`'${name}' has ${values.length} values, which [${shape.join(', ')}] does not hold`)
    header.set(name, { dtype: 'F32', shape, data_offsets: [offset, offset + values.byteLength] })
    offset += values.byteLength
  }
  const text = Buffer.from(JSON.stringify(Object.fromEntries(header)))
  const padded = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8, ' ')
  padded.writeBigUInt64LE(BigInt(padded.length - 8))
  padded.set(text, 8)
  await replaceFile(path, async file => {
    await writeBytes(file, padded)
    for (const { values } of tensors.values())
      await writeBytes(file, new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
  })
}
