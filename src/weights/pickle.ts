/** Interprets Python's pickle format as plain data: names of Python objects are looked up in a short list, nothing is ever called. */
import { RegraftError } from '../base/errors.js'
import { printable } from './printable.js'

/** A name of Python's world ('torch._utils._rebuild_tensor_v2'). */
export class PickleGlobal {
  constructor(readonly name: string) {}
}

/** Data as pickles hold it: dictionaries are Maps, lists and tuples arrays. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | PickleGlobal
  | object

export interface PickleWorld {
  /** What a call to a global gives, or undefined where that global is not allowed. */
  call(name: string, args: readonly PickleValue[]): PickleValue | undefined
  /** Whether the global may be named at all. */
  knows(name: string): boolean
  /** The object behind a persistent id. */
  persistent(id: PickleValue): PickleValue
}

/** A number of operations that no honest file reaches (a ResNet-152 has some 30,000); it bounds time and memory. */
const mostOperations = 1_000_000
/** Bytes of a whole number, and of a line that names a global. */
const longest = 1000

/** The error for bytes that are no pickle, or one that was cut off. */
const broken = (what: string) => new RegraftError('weights', what)

const mark = Symbol('mark')
type StackItem = PickleValue | typeof mark

/**
 * Reads one pickle.
 * @returns its value, and the position after it
 * @throws RegraftError('weights') for a global that is not allowed, an operation that weight files do not need, or damage
 */
export function readPickle(bytes: Uint8Array, start: number, world: PickleWorld): { value: PickleValue; end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const stack: StackItem[] = []
  const memo = new Map<number, PickleValue>()
  let at = start
  const take = (count: number): number => {
    const from = at
    if (count < 0 || from + count > bytes.length) throw broken('the pickle ends in the middle')
    at += count
    return from
  }
  const block = (length: number) => bytes.subarray(take(length), at)
  const text = (length: number) => Buffer.from(block(length)).toString('utf8')
  // Larger lengths than a file can have lose precision here, and are refused all the same.
  const length8 = () => Number(view.getBigUint64(take(8), true))
  const line = () => {
    const end = bytes.indexOf(10, at)
    if (end < 0 || end - at > longest) throw broken('the pickle ends in the middle')
    const result = text(end - at)
    at++
    return result
  }
  const pop = (): PickleValue => {
    const item = stack.pop()
    if (item === undefined || item === mark) throw broken('the pickle takes more than it has put')
    return item
  }
  const top = (): PickleValue => {
    const item = stack.at(-1)
    if (item === undefined || item === mark) throw broken('the pickle takes more than it has put')
    return item
  }
  const toMark = (): PickleValue[] => {
    const from = stack.lastIndexOf(mark)
    if (from < 0) throw broken('the pickle has no mark where it needs one')
    const items = stack.splice(from).slice(1)
    return items as PickleValue[]
  }
  const tuple = (count: number) => {
    const items = Array.from({ length: count }, pop).reverse()
    stack.push(items)
  }
  const global = (name: string) => {
    if (!world.knows(name)) throw refused(name)
    stack.push(new PickleGlobal(name))
  }
  const setItems = (items: readonly PickleValue[]) => {
    const target = top()
    if (!(target instanceof Map)) throw broken('the pickle sets items of what is no dictionary')
    for (let i = 0; i + 1 < items.length; i += 2) target.set(items[i] as PickleValue, items[i + 1] as PickleValue)
  }
  const append = (items: readonly PickleValue[]) => {
    const target = top()
    if (!Array.isArray(target)) throw broken('the pickle appends to what is no list')
    for (const item of items) target.push(item)
  }
  const long = (length: number): number | bigint => {
    if (length < 0 || length > longest) throw broken('the pickle has a number that is too long')
    const from = take(length)
    let value = 0n
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[from + i] as number)
    if (length > 0 && (bytes[from + length - 1] as number) & 0x80) value -= 1n << BigInt(8 * length)
    return Number.isSafeInteger(Number(value)) ? Number(value) : value
  }
  const call = () => {
    const args = pop()
    const callee = pop()
    if (!(callee instanceof PickleGlobal) || !Array.isArray(args)) throw broken('the pickle calls what is no function')
    const result = world.call(callee.name, args)
    if (result === undefined) throw refused(callee.name)
    stack.push(result)
  }
  const get = (index: number) => {
    const value = memo.get(index)
    if (value === undefined) throw broken('the pickle refers to what it has not stored')
    stack.push(value)
  }
  for (let count = 0; ; count++) {
    if (count > mostOperations) throw broken('the pickle is longer than that of any network')
    const operation = String.fromCharCode(bytes[take(1)] as number)
    switch (operation) {
      case '\x80': // protocol
        if ((bytes[take(1)] as number) > 5) throw broken('the pickle is of a protocol that does not exist yet')
        break
      case '\x95': // frame
        take(8)
        break
      case '(':
        stack.push(mark)
        break
      case ')':
      case ']':
      case '\x8f': // sets are read as lists
        stack.push([])
        break
      case '}':
        stack.push(new Map())
        break
      case 'N':
        stack.push(null)
        break
      case '\x88':
        stack.push(true)
        break
      case '\x89':
        stack.push(false)
        break
      case 'J':
        stack.push(view.getInt32(take(4), true))
        break
      case 'K':
        stack.push(bytes[take(1)] as number)
        break
      case 'M':
        stack.push(view.getUint16(take(2), true))
        break
      case 'G':
        stack.push(view.getFloat64(take(8)))
        break
      case '\x8a':
        stack.push(long(bytes[take(1)] as number))
        break
      case '\x8b':
        stack.push(long(view.getInt32(take(4), true)))
        break
      case 'X':
        stack.push(text(view.getUint32(take(4), true)))
        break
      case '\x8c':
        stack.push(text(bytes[take(1)] as number))
        break
      case 'U':
        stack.push(text(bytes[take(1)] as number))
        break
      case '\x8d':
        stack.push(text(length8()))
        break
      case 'T':
      case 'B':
        stack.push(block(view.getUint32(take(4), true)))
        break
      case 'C':
        stack.push(block(bytes[take(1)] as number))
        break
      case '\x8e':
        stack.push(block(length8()))
        break
      case '\x85':
        tuple(1)
        break
      case '\x86':
        tuple(2)
        break
      case '\x87':
        tuple(3)
        break
      case 't':
      case 'l':
      case '\x91':
        stack.push(toMark())
        break
      case 'd': {
        const items = toMark()
        stack.push(new Map())
        setItems(items)
        break
      }
      case 's': {
        const value = pop()
        const key = pop()
        setItems([key, value])
        break
      }
      case 'u':
        setItems(toMark())
        break
      case 'a':
        append([pop()])
        break
      case 'e':
      case '\x90':
        append(toMark())
        break
      case 'q':
        memo.set(bytes[take(1)] as number, top())
        break
      case 'r':
        memo.set(view.getUint32(take(4), true), top())
        break
      case '\x94':
        memo.set(memo.size, top())
        break
      case 'h':
        get(bytes[take(1)] as number)
        break
      case 'j':
        get(view.getUint32(take(4), true))
        break
      case 'c': {
        const module = line()
        global(`${module}.${line()}`)
        break
      }
      case '\x93': {
        const name = pop()
        const module = pop()
        if (typeof name !== 'string' || typeof module !== 'string') throw broken('the pickle names what is no text')
        global(`${module}.${name}`)
        break
      }
      case 'Q':
        stack.push(world.persistent(pop()))
        break
      case 'R':
      case '\x81':
        call()
        break
      case 'b': // attributes of an object: of no interest, and nothing to run
        pop()
        break
      case '0':
        pop()
        break
      case '1':
        toMark()
        break
      case '2':
        stack.push(top())
        break
      case '.':
        return { value: pop(), end: at }
      default:
        throw broken(
          `the pickle has an operation (0x${operation.charCodeAt(0).toString(16)}) that weight files do not need`,
        )
    }
  }
}

/** Where the classes of networks live; a file that names one holds the network's code by name, not its weights alone. */
const modules = /^(torch\.nn\.|torch\.fx\.|torchvision\.|timm\.|__torch__|__main__\.)/

function refused(name: string): RegraftError {
  const shown = printable(name)
  const what = modules.test(name)
    ? `it holds a whole module ('${shown}') instead of its weights, and loading that would run its code`
    : `it refers to '${shown}', and loading that would run code`
  return new RegraftError(
    'weights',
    `${what}; nothing was run. If you trust where it comes from, load it in PyTorch and save the weights alone: torch.save(model.state_dict(), 'weights.pth')`,
  )
}
