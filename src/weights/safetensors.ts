/** The safetensors format, both ways: a JSON header with names, shapes and offsets, then the numbers. */
import { type FileHandle, open } from 'node:fs/promises'
import { z } from 'zod'
import { RegraftError } from '../base/errors.js'
import { replaceFile } from '../base/files.js'
import { elementSize, isInteger, type NumberFormat, toFloat32 } from './numbers.js'
import type { StateDict, StateTensor, Weights } from './stateDict.js'

/** The format's own bound on the header. */
const largestHeader = 100 * 1024 ** 2

const formats: Readonly<Record<string, NumberFormat>> = {
  F64: 'float64',
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
  I64: 'int64',
  I32: 'int32',
  I16: 'int16',
  I8: 'int8',
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
    file = await open(path, 'r')
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
  new RegraftError('weights', `${path} is no intact safetensors file (${what}); get it again`)

async function parse(file: FileHandle, path: string): Promise<Weights> {
  const { size } = await file.stat()
  const prefix = await bytesAt(file, 0, 8)
  if (!prefix) throw damaged(path, 'it is shorter than its header')
  const headerLength = Number(prefix.readBigUInt64LE())
  if (headerLength > Math.min(largestHeader, size - 8)) throw damaged(path, 'its header is longer than the file')
  const header = await bytesAt(file, 8, headerLength)
  const parsed = headerSchema.safeParse(header ? parseJson(header.toString('utf8')) : undefined)
  if (!parsed.success) throw damaged(path, 'its header is not as the format says')
  const { __metadata__: metadata, ...entries } = parsed.data
  const start = 8 + headerLength
  const tensors = new Map<string, StateTensor>()
  let expected = 0
  const ordered = Object.entries(entries).sort(([, a], [, b]) => offsetOf(a) - offsetOf(b))
  for (const [name, entry] of ordered) {
    if (!isTensorEntry(entry)) throw damaged(path, `'${name}' is no tensor`)
    const format = formats[entry.dtype]
    if (!format) throw damaged(path, `'${name}' has the number format ${entry.dtype}, which is not known here`)
    const count = entry.shape.reduce((product, side) => product * side, 1)
    const [from, to] = entry.data_offsets
    if (from !== expected || to - from !== count * elementSize[format] || start + to > size)
      throw damaged(path, `'${name}' lies outside the file or over another tensor`)
    expected = to
    const bytes = await bytesAt(file, start + from, to - from)
    if (!bytes) throw damaged(path, `'${name}' is cut off`)
    tensors.set(name, {
      shape: entry.shape,
      values: toFloat32(bytes, format, count),
      ...(isInteger(format) ? { integer: true } : {}),
    })
  }
  // Entries come back in the header's order, which is the order in which they were written.
  const inOrder = new Map(Object.keys(entries).map(name => [name, tensors.get(name) as StateTensor]))
  return {
    tensors: inOrder,
    metadata: z
      .record(z.string(), z.string())
      .catch({})
      .parse(metadata ?? {}),
  }
}

type Entry = z.infer<typeof headerSchema>[string]
type TensorEntry = { dtype: string; shape: number[]; data_offsets: [number, number] }

const isTensorEntry = (entry: Entry): entry is TensorEntry => Array.isArray((entry as { shape?: unknown }).shape)
const offsetOf = (entry: Entry): number => (isTensorEntry(entry) ? entry.data_offsets[0] : 0)

async function bytesAt(file: FileHandle, position: number, length: number): Promise<Buffer | undefined> {
  const buffer = Buffer.allocUnsafe(length)
  let done = 0
  while (done < length) {
    const { bytesRead } = await file.read(buffer, done, length - done, position + done)
    if (bytesRead === 0) return undefined
    done += bytesRead
  }
  return buffer
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Writes tensors as float32, aside first and then renamed, so that a crash leaves the old file or the new one. */
export async function writeSafetensors(
  path: string,
  tensors: StateDict,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  let offset = 0
  const header: Record<string, unknown> = { __metadata__: metadata }
  for (const [name, { shape, values }] of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + values.byteLength] }
    offset += values.byteLength
  }
  const text = Buffer.from(JSON.stringify(header))
  const padded = Buffer.alloc(Math.ceil(text.length / 8) * 8, ' ')
  padded.set(text)
  const prefix = Buffer.alloc(8)
  prefix.writeBigUInt64LE(BigInt(padded.length))
  await replaceFile(path, async file => {
    await file.write(prefix)
    await file.write(padded)
    for (const { values } of tensors.values()) {
      const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength)
      for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten
    }
  })
}
