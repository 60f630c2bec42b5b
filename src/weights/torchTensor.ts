/** Tensors as PyTorch's pickles describe them: views of storages, read into row-major arrays once the whole file is known. */
import { setImmediate as yieldToOthers } from 'node:timers/promises'
import { RegraftError } from '../base/errors.js'
import { elementSize, isInteger, type NumberFormat, toFloat32 } from './numbers.js'
import { PickleGlobal, type PickleValue, type PickleWorld } from './pickleMachine.js'
import type { StateDict, StateTensor } from './stateDict.js'

/** PyTorch's storage classes. */
const storages: ReadonlyMap<string, NumberFormat> = new Map([
  ['torch.DoubleStorage', 'float64'],
  ['torch.FloatStorage', 'float32'],
  ['torch.HalfStorage', 'float16'],
  ['torch.BFloat16Storage', 'bfloat16'],
  ['torch.LongStorage', 'int64'],
  ['torch.IntStorage', 'int32'],
  ['torch.ShortStorage', 'int16'],
  ['torch.CharStorage', 'int8'],
  ['torch.ByteStorage', 'uint8'],
  ['torch.BoolStorage', 'bool'],
])

/** Where numbers lie in the file: `count` elements under `key`. */
export class Storage {
  constructor(
    readonly key: string,
    readonly format: NumberFormat,
    readonly count: number,
  ) {}
}

/** A view of a storage; offset and strides count elements. */
export class TensorView {
  constructor(
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
}

export const wrong = (what: string): RegraftError => new RegraftError('weights', what)

const isNatural = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const naturals = (value: PickleValue | undefined): number[] | undefined =>
  Array.isArray(value) && value.length <= 16 && value.every(isNatural) ? (value as number[]) : undefined

const elements = (shape: readonly number[]): number =>
  shape.includes(0) ? 0 : shape.reduce((product, side) => product * side, 1)

function rebuildTensor([storage, offset, size, stride]: readonly PickleValue[]): TensorView {
  const shape = naturals(size)
  const strides = naturals(stride)
  if (!(storage instanceof Storage) || !isNatural(offset) || !shape || shape.length !== strides?.length)
    throw wrong('a tensor in it is not described as PyTorch does it')
  const last = shape.reduce((sum, side, axis) => sum + (side - 1) * (strides[axis] as number), offset)
  if (elements(shape) > 0 && last >= storage.count) throw wrong('a tensor in it reaches beyond its storage')
  return new TensorView(storage, offset, shape, strides)
}

function dictionary([items]: readonly PickleValue[]): PickleValue {
  if (items instanceof Map) return new Map(items)
  if (!Array.isArray(items)) return new Map()
  return new Map(items.filter(Array.isArray).map(([key, value]) => [key as PickleValue, value as PickleValue]))
}

type Constructor = (args: readonly PickleValue[]) => PickleValue

const listed: Constructor = ([items]) => items ?? []

/** What stands for a call to each Python object that weights and the state of an optimiser need. */
const constructors: ReadonlyMap<string, Constructor> = new Map<string, Constructor>([
  ['collections.OrderedDict', dictionary],
  ['collections.Counter', dictionary],
  ['collections.defaultdict', ([, ...items]) => dictionary(items)],
  ['argparse.Namespace', () => new Map()],
  ['builtins.set', listed],
  ['__builtin__.set', listed],
  ['torch.Size', listed],
  ['torch.device', args => [...args]],
  ['torch._utils._rebuild_tensor', rebuildTensor],
  ['torch._utils._rebuild_tensor_v2', rebuildTensor],
  ['torch._utils._rebuild_parameter', ([data]) => data ?? null],
])

/** Names that stand for themselves: number formats, and what a defaultdict fills in. */
const inert = /^torch\.(float|bfloat|int|uint)\d+$|^torch\.bool$|^(__builtin__|builtins)\.(dict|list|int|float)$/

/** The part of Python that PyTorch's weight files need. */
export const torchWorld: PickleWorld = {
  knows: name => storages.has(name) || constructors.has(name) || inert.test(name),
  call: (name, args) => constructors.get(name)?.(args),
  persistent: id => {
    const [kind, type, key, , count, view] = Array.isArray(id) ? id : []
    const format = type instanceof PickleGlobal ? storages.get(type.name) : undefined
    if (kind !== 'storage' || !format || typeof key !== 'string' || !isNatural(count))
      throw wrong('a storage in it is of a kind that is not known here')
    if (view !== undefined && view !== null)
      throw wrong('a storage in it is a part of another, as only very old versions of PyTorch wrote it; save it again')
    return new Storage(key, format, count)
  },
}

/** The bytes of a view's elements in row-major order, for any strides. */
function gather(bytes: Uint8Array, size: number, { offset, shape, strides }: TensorView, count: number): Uint8Array {
  const result = new Uint8Array(count * size)
  const index = shape.map(() => 0)
  let at = offset
  for (let i = 0; i < count; i++) {
    for (let b = 0; b < size; b++) result[i * size + b] = bytes[at * size + b] as number
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const stride = strides[axis] as number
      at += stride
      index[axis] = (index[axis] as number) + 1
      if ((index[axis] as number) < (shape[axis] as number)) break
      at -= stride * (shape[axis] as number)
      index[axis] = 0
    }
  }
  return result
}

function isContiguous({ shape, strides }: TensorView): boolean {
  let expected = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false
    expected *= shape[axis] as number
  }
  return true
}

function materialise(view: TensorView, bytes: Uint8Array, littleEndian: boolean): StateTensor {
  const { storage, offset, shape } = view
  const size = elementSize[storage.format]
  const count = elements(shape)
  if (bytes.length < storage.count * size) throw wrong('a storage in it is cut off')
  const own = isContiguous(view) ? bytes.subarray(offset * size) : gather(bytes, size, view, count)
  const values = toFloat32(own, storage.format, count, littleEndian)
  return isInteger(storage.format) ? { shape, values, integer: true } : { shape, values }
}

/** Elements to read before others get their turn: some ten milliseconds. */
const turn = 2_000_000

/**
 * Reads the numbers of all tensors.
 * @param bytesOf the bytes of a storage
 * @param fileSize bytes of the whole file: views that repeat its numbers many times over are refused
 */
export async function readTensors(
  views: ReadonlyMap<string, TensorView>,
  bytesOf: (storage: Storage) => Uint8Array,
  fileSize: number,
  littleEndian: boolean,
): Promise<StateDict> {
  const total = [...views.values()].reduce((sum, { shape }) => sum + elements(shape), 0)
  if (total > 2 * fileSize) throw wrong('its tensors repeat the same numbers many times over, which weights do not')
  const result = new Map<string, StateTensor>()
  let read = 0
  for (const [name, view] of views) {
    const tensor = materialise(view, bytesOf(view.storage), littleEndian)
    result.set(name, tensor)
    read += tensor.values.length
    if (read < turn) continue
    read = 0
    await yieldToOthers()
  }
  return result
}
