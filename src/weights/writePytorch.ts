/** Writes a state dict as torch.save does: a zip archive of numbers, and a pickle that says how they are tensors. */
import { replaceFile } from '../base/files.js'
import type { StateDict } from './stateDict.js'
import { ownEntry } from './torchZip.js'
import { writeZip } from './zipWriter.js'

/** Opcodes of pickle's protocol 2 (Python's pickletools). */
const op = {
  protocol: '\x80\x02',
  mark: '(',
  tuple: 't',
  emptyTuple: ')',
  reduce: 'R',
  persistent: 'Q',
  false: '\x89',
  setItems: 'u',
  stop: '.',
} as const

/** The names that a reader has to trust: those that torch.load(weights_only=True) allows. */
const globals = {
  dict: 'ccollections\nOrderedDict\n',
  tensor: 'ctorch._utils\n_rebuild_tensor_v2\n',
  floats: 'ctorch\nFloatStorage\n',
} as const

const raw = (text: string) => Buffer.from(text, 'latin1')

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  const length = Buffer.alloc(5, 'X')
  length.writeUInt32LE(bytes.length, 1)
  return Buffer.concat([length, bytes])
}

function integer(value: number): Buffer {
  const bytes = Buffer.alloc(5, 'J')
  bytes.writeInt32LE(value, 1)
  return bytes
}

const tuple = (items: readonly Buffer[]) => Buffer.concat([raw(op.mark), ...items, raw(op.tuple)])
const emptyDict = raw(globals.dict + op.emptyTuple + op.reduce)

/** Elements from one index to the next on each axis. */
const strides = (shape: readonly number[]): number[] =>
  shape.map((_, axis) => shape.slice(axis + 1).reduce((product, side) => product * side, 1))

function tensor(key: string, shape: readonly number[], count: number): Buffer {
  const storage = tuple([text('storage'), raw(globals.floats), text(key), text('cpu'), integer(count)])
  const [sizes, steps] = [tuple(shape.map(integer)), tuple(strides(shape).map(integer))]
  const parts = [storage, raw(op.persistent), integer(0), sizes, steps, raw(op.false), emptyDict]
  return Buffer.concat([raw(globals.tensor), tuple(parts), raw(op.reduce)])
}

/**
 * Writes tensors as float32 in their order, aside first and then renamed. Nothing in the file is executed by whoever
 * loads it with `weights_only=True`; torchvision's and timm's `load_state_dict` take it.
 * @param metadata texts that stand in an entry of the archive of their own, which PyTorch does not look for: the state
 * dict stays one of tensors alone
 */
export async function writePyTorch(
  path: string,
  tensors: StateDict,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const items: Buffer[] = []
  const storages = new Map<string, Uint8Array>()
  for (const [name, { shape, values }] of tensors) {
    const key = String(storages.size)
    items.push(text(name), tensor(key, shape, values.length))
    storages.set(`model/data/${key}`, new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
  }
  const pickle = Buffer.concat([raw(op.protocol), emptyDict, raw(op.mark), ...items, raw(op.setItems), raw(op.stop)])
  const entries = new Map<string, Uint8Array>([
    ['model/data.pkl', pickle],
    ['model/byteorder', raw('little')],
    ...storages,
    ['model/version', raw('3\n')],
    ...(Object.keys(metadata).length === 0
      ? []
      : ([[`model/${ownEntry}`, Buffer.from(JSON.stringify(metadata))]] as const)),
  ])
  await replaceFile(path, file => writeZip(file, entries))
}
