/** Reads what torch.save writes, in its zip format and in the older one, without executing anything. */
import { RegraftError } from '../base/errors.js'
import { elementSize, isInteger, type NumberFormat, toFloat32 } from './numbers.js'
import { PickleGlobal, type PickleValue, type PickleWorld, readPickle } from './pickle.js'
import type { StateDict, StateTensor } from './stateDict.js'
import { zipEntries } from './zip.js'

/** PyTorch's storage classes. */
const storages: Readonly<Record<string, NumberFormat>> = {
  'torch.DoubleStorage': 'float64',
  'torch.FloatStorage': 'float32',
  'torch.HalfStorage': 'float16',
  'torch.BFloat16Storage': 'bfloat16',
  'torch.LongStorage': 'int64',
  'torch.IntStorage': 'int32',
  'torch.ShortStorage': 'int16',
  'torch.CharStorage': 'int8',
  'torch.ByteStorage': 'uint8',
  'torch.BoolStorage': 'bool',
}

/** Where a tensor's numbers lie; they are read when the whole file is known. */
class Storage {
  constructor(
    readonly key: string,
    readonly format: NumberFormat,
    readonly count: number,
  ) {}
}

class LazyTensor {
  constructor(
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
}

const naturals = (value: PickleValue | undefined): number[] | undefined =>
  Array.isArray(value) && value.length <= 16 && value.every(item => Number.isSafeInteger(item) && (item as number) >= 0)
    ? (value as number[])
    : undefined

const wrong = (what: string) => new RegraftError('weights', what)

function rebuildTensor([storage, offset, size, stride]: readonly PickleValue[]): LazyTensor {
  const shape = naturals(size)
  const strides = naturals(stride)
  if (!(storage instanceof Storage) || !Number.isSafeInteger(offset) || !shape || shape.length !== strides?.length)
    throw wrong('a tensor in it is not described as PyTorch does it')
  const last = shape.some(side => side === 0)
    ? -1
    : shape.reduce((sum, side, axis) => sum + (side - 1) * strides[axis]!, offset as number)
  if ((offset as number) < 0 || last >= storage.count || shape.reduce((a, b) => a * b, 1) > storage.count * 64)
    throw wrong('a tensor in it reaches beyond its storage')
  return new LazyTensor(storage, offset as number, shape, strides)
}

const world: PickleWorld = {
  knows: name =>
    name in storages ||
    name in constructors ||
    /^torch\.(float|bfloat|int|uint)\d+$|^torch\.(bool|device|Size)$/.test(name),
  call: (name, args) => constructors[name]?.(args),
  persistent: id => {
    const [kind, type, key, , count] = Array.isArray(id) ? id : []
    const format = type instanceof PickleGlobal ? storages[type.name] : undefined
    if (
      kind !== 'storage' ||
      !format ||
      typeof key !== 'string' ||
      !Number.isSafeInteger(count) ||
      (count as number) < 0
    )
      throw wrong('a storage in it is of a kind that is not known here')
    return new Storage(key, format, count as number)
  },
}

const constructors: Readonly<Record<string, (args: readonly PickleValue[]) => PickleValue>> = {
  'collections.OrderedDict': ([items]) =>
    new Map(
      Array.isArray(items)
        ? items.filter(Array.isArray).map(([key, value]) => [key as PickleValue, value as PickleValue])
        : [],
    ),
  'torch._utils._rebuild_tensor_v2': rebuildTensor,
  'torch._utils._rebuild_tensor': rebuildTensor,
  'torch._utils._rebuild_parameter': ([data]) => data ?? null,
  'torch.Size': ([sizes]) => sizes ?? [],
  'torch.device': args => [...args],
}

/** Copies a view into a row-major array. */
function materialise(
  { storage, offset, shape, strides }: LazyTensor,
  bytes: Uint8Array,
  littleEndian: boolean,
): StateTensor {
  if (bytes.length < storage.count * elementSize[storage.format]) throw wrong('a storage in it is cut off')
  const count = shape.reduce((a, b) => a * b, 1)
  const integer = isInteger(storage.format) ? { integer: true } : {}
  const size = elementSize[storage.format]
  let expected = 1
  let contiguous = true
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) contiguous = false
    expected *= shape[axis]!
  }
  if (contiguous)
    return { shape, values: toFloat32(bytes.subarray(offset * size), storage.format, count, littleEndian), ...integer }
  const all = toFloat32(bytes, storage.format, storage.count, littleEndian)
  const values = new Float32Array(count)
  for (let i = 0; i < count; i++) {
    let rest = i
    let at = offset
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += (rest % shape[axis]!) * strides[axis]!
      rest = Math.floor(rest / shape[axis]!)
    }
    values[i] = all[at]!
  }
  return { shape, values, ...integer }
}

/** Keys under which training programs nest the weights, the most specific first. */
const nests = ['state_dict', 'model_state_dict', 'model', 'net', 'ema']

/** The dictionary of tensors in a checkpoint, which may be nested. */
function tensorsOf(value: PickleValue): Map<string, LazyTensor> {
  if (!(value instanceof Map)) throw wrong('it holds no dictionary of weights')
  const own = [...value].filter(
    (entry): entry is [string, LazyTensor] => typeof entry[0] === 'string' && entry[1] instanceof LazyTensor,
  )
  for (const key of nests) {
    const inner = value.get(key)
    if (inner instanceof Map && [...inner.values()].some(item => item instanceof LazyTensor)) return tensorsOf(inner)
  }
  if (own.length === 0) throw wrong('it holds no weights')
  return new Map(own)
}

/** Drops the prefix 'module.' that DataParallel puts before every name. */
function withoutPrefix<T>(entries: Map<string, T>): Map<string, T> {
  const names = [...entries.keys()]
  if (!names.every(name => name.startsWith('module.'))) return entries
  return new Map([...entries].map(([name, value]) => [name.slice('module.'.length), value]))
}

const collect = (root: PickleValue, storageBytes: (storage: Storage) => Uint8Array, littleEndian: boolean): StateDict =>
  new Map(
    [...withoutPrefix(tensorsOf(root))].map(([name, tensor]) => [
      name,
      materialise(tensor, storageBytes(tensor.storage), littleEndian),
    ]),
  )

/** Reads the zip format (PyTorch 1.6 and later). @throws RegraftError('weights') that says what is wrong with the content */
export async function readTorchZip(bytes: Buffer): Promise<StateDict> {
  const entries = await zipEntries(bytes)
  const pickle = [...entries.keys()].find(name => /^[^/]*\/data\.pkl$/.test(name))
  if (!pickle) throw wrong('it is a zip archive, but not one that torch.save wrote (it has no data.pkl)')
  const folder = pickle.slice(0, -'data.pkl'.length)
  const { value } = readPickle(entries.get(pickle) as Buffer, 0, world)
  const littleEndian = entries.get(`${folder}byteorder`)?.toString() !== 'big'
  return collect(
    value,
    ({ key }) => {
      const data = entries.get(`${folder}data/${key}`)
      if (!data) throw wrong('a storage that its weights refer to is missing')
      return data
    },
    littleEndian,
  )
}

const legacyMagic = 0x1950a86a20f9469cfc6cn

/** Whether the bytes start as the older format does. */
export function isTorchLegacy(bytes: Buffer): boolean {
  try {
    return readPickle(bytes.subarray(0, 64), 0, world).value === legacyMagic
  } catch {
    return false
  }
}

/** Reads the older format: five pickles (magic, version, system, weights, storage keys), then the storages. */
export function readTorchLegacy(bytes: Buffer): StateDict {
  let at = 0
  const next = () => {
    const { value, end } = readPickle(bytes, at, world)
    at = end
    return value
  }
  next()
  next()
  const system = next()
  const littleEndian = !(system instanceof Map) || system.get('little_endian') !== false
  const root = next()
  const keys = next()
  if (!Array.isArray(keys)) throw wrong('its list of storages is missing')
  const sizes = new Map<string, Storage>()
  for (const { storage } of tensorsOf(root).values()) sizes.set(storage.key, storage)
  collectStorages(root, sizes)
  const storagesByKey = new Map<string, Uint8Array>()
  for (const key of keys) {
    if (typeof key !== 'string' || at + 8 > bytes.length) throw wrong('it is cut off')
    const count = Number(littleEndian ? bytes.readBigInt64LE(at) : bytes.readBigInt64BE(at))
    at += 8
    const storage = sizes.get(key)
    if (!storage || storage.count !== count) throw wrong('a storage has another size than its weights say')
    const length = count * elementSize[storage.format]
    if (at + length > bytes.length) throw wrong('it is cut off')
    storagesByKey.set(key, bytes.subarray(at, at + length))
    at += length
  }
  return collect(
    root,
    ({ key }) => {
      const data = storagesByKey.get(key)
      if (!data) throw wrong('a storage that its weights refer to is missing')
      return data
    },
    littleEndian,
  )
}

/** Every storage anywhere in the pickle: the file lists them all, also those of an optimiser. */
function collectStorages(root: PickleValue, found: Map<string, Storage>): void {
  const seen = new Set<unknown>()
  const pending: unknown[] = [root]
  while (pending.length > 0) {
    const value = pending.pop()
    if (typeof value !== 'object' || value === null || seen.has(value)) continue
    seen.add(value)
    if (value instanceof LazyTensor) found.set(value.storage.key, value.storage)
    else if (value instanceof Storage) found.set(value.key, value)
    else if (value instanceof Map) pending.push(...value.keys(), ...value.values())
    else if (Array.isArray(value)) for (const item of value) pending.push(item)
  }
}
