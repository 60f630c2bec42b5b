/** Makes small PyTorch files byte by byte, also such as PyTorch would never write. */

/** What a crafted pickle can hold: arrays are tuples; `storage` is a persistent id of float32 numbers unless said otherwise. */
export type Crafted =
  | null
  | string
  | number
  | Crafted[]
  | { readonly dict: readonly (readonly [Crafted, Crafted])[] }
  | { readonly global: string }
  | { readonly call: string; readonly args: Crafted[] }
  | { readonly storage: string; readonly count: number; readonly kind?: string }

const text = (value: string) => Buffer.from(value, 'utf8')
const uint32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
/** 'collections.OrderedDict' as the operation that names it. */
const globalNamed = (name: string) => {
  const dot = name.lastIndexOf('.')
  return text(`c${name.slice(0, dot)}\n${name.slice(dot + 1)}\n`)
}

function operations(value: Crafted): Buffer {
  if (value === null) return text('N')
  if (typeof value === 'string') return Buffer.concat([text('X'), uint32(text(value).length), text(value)])
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(10)
    bytes.set([0x8a, 8])
    bytes.writeBigInt64LE(BigInt(value), 2)
    return bytes
  }
  if (Array.isArray(value)) return Buffer.concat([text('('), ...value.map(operations), text('t')])
  if ('dict' in value) return Buffer.concat([text('}('), ...value.dict.flat().map(operations), text('u')])
  if ('global' in value) return globalNamed(value.global)
  if ('call' in value) return Buffer.concat([globalNamed(value.call), operations(value.args), text('R')])
  const { storage, count, kind = 'torch.FloatStorage' } = value
  return Buffer.concat([operations(['storage', { global: kind }, storage, 'cpu', count]), text('Q')])
}

/** A complete pickle of protocol 2. */
export const pickle = (value: Crafted): Buffer => Buffer.concat([Buffer.from([0x80, 2]), operations(value), text('.')])

/** A tensor that is a view of a storage. */
export const tensor = (storage: Crafted, offset: number, shape: number[], strides: number[]): Crafted => ({
  call: 'torch._utils._rebuild_tensor_v2',
  args: [storage, offset, shape, strides, 0, { call: 'collections.OrderedDict', args: [] }],
})

/** Big- or little-endian float32 numbers. */
export function floats(values: readonly number[], order: 'little' | 'big' = 'little'): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [i, value] of values.entries())
    if (order === 'little') bytes.writeFloatLE(value, 4 * i)
    else bytes.writeFloatBE(value, 4 * i)
  return bytes
}

/** A zip archive of stored entries; `method` claims another compression. */
export function zip(entries: readonly (readonly [string, Buffer])[], method = 0): Buffer {
  const locals: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const [name, content] of entries) {
    const shared = Buffer.alloc(26)
    shared.writeUInt16LE(20, 0)
    shared.writeUInt16LE(method, 4)
    shared.writeUInt32LE(content.length, 14)
    shared.writeUInt32LE(content.length, 18)
    shared.writeUInt16LE(text(name).length, 22)
    const local = Buffer.concat([text('PK\x03\x04'), shared, text(name), content])
    const tail = Buffer.alloc(14)
    tail.writeUInt32LE(offset, 10)
    directory.push(Buffer.concat([text('PK\x01\x02'), Buffer.from([20, 0]), shared, tail, text(name)]))
    locals.push(local)
    offset += local.length
  }
  const end = Buffer.alloc(18)
  end.writeUInt16LE(entries.length, 4)
  end.writeUInt16LE(entries.length, 6)
  end.writeUInt32LE(Buffer.concat(directory).length, 8)
  end.writeUInt32LE(offset, 12)
  return Buffer.concat([...locals, ...directory, text('PK\x05\x06'), end])
}

/** A file in PyTorch's zip format. */
export const torchZip = (content: Crafted, storages: Readonly<Record<string, Buffer>>, order?: string): Buffer =>
  zip([
    ['archive/data.pkl', pickle(content)],
    ...(order === undefined ? [] : [['archive/byteorder', text(order)] as const]),
    ...Object.entries(storages).map(([key, bytes]) => [`archive/data/${key}`, bytes] as const),
  ])
