/** PyTorch's format before 1.6: five pickles (magic number, version, system, content, storage keys), then the storages. */
import { elementSize } from './numbers.js'
import { readPickle } from './pickle.js'
import type { PickleValue } from './pickleMachine.js'
import type { StateDict } from './stateDict.js'
import { stateOf } from './stateOf.js'
import { readTensors, Storage, TensorView, torchWorld, wrong } from './torchTensor.js'

const magic = 0x1950a86a20f9469cfc6cn
const version = 1001

/** Whether a file that starts with these bytes (64 are enough) is of this format. */
export function isTorchLegacy(start: Buffer): boolean {
  try {
    return readPickle(start.subarray(0, 64), 0, torchWorld).value === magic
  } catch {
    return false
  }
}

/** @throws RegraftError('weights') that says what is wrong with the content */
export async function readTorchLegacy(bytes: Buffer): Promise<StateDict> {
  let at = 0
  const next = () => {
    const { value, end } = readPickle(bytes, at, torchWorld)
    at = end
    return value
  }
  if (next() !== magic || next() !== version) throw wrong('it is of a version of the format that is not known here')
  next() // the system; its byte order says nothing of the storages, which are little-endian on every machine
  const root = next()
  const keys = next()
  if (!Array.isArray(keys)) throw wrong('its list of storages is missing')
  const storages = storagesIn(root)
  const contents = new Map<string, Uint8Array>()
  for (const key of keys) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined
    if (!storage) throw wrong('it lists a storage that no tensor in it has')
    if (at + 8 > bytes.length) throw wrong('it is cut off')
    if (Number(bytes.readBigInt64LE(at)) !== storage.count)
      throw wrong('a storage has another size than its weights say')
    const end = at + 8 + storage.count * elementSize[storage.format]
    if (end > bytes.length) throw wrong('it is cut off')
    contents.set(storage.key, bytes.subarray(at + 8, end))
    at = end
  }
  const bytesOf = ({ key }: Storage) => {
    const data = contents.get(key)
    if (!data) throw wrong('a storage that its weights refer to is missing')
    return data
  }
  return readTensors(stateOf(root), bytesOf, bytes.length, true)
}

/** Every storage anywhere in the content, also those of an optimiser: the file lists them all. */
function storagesIn(root: PickleValue): Map<string, Storage> {
  const found = new Map<string, Storage>()
  const seen = new Set<unknown>()
  const pending: unknown[] = [root]
  while (pending.length > 0) {
    const value = pending.pop()
    if (typeof value !== 'object' || value === null || seen.has(value)) continue
    seen.add(value)
    if (value instanceof TensorView) pending.push(value.storage)
    else if (value instanceof Storage) found.set(value.key, value)
    else if (value instanceof Map) for (const [key, item] of value) pending.push(key, item)
    else if (Array.isArray(value)) for (const item of value) pending.push(item)
  }
  return found
}
