/** Interprets Python's pickle format as plain data: names of Python objects are looked up in a short list, nothing is ever called. */
import { RegraftError } from '../base/errors.js'

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

/** A number of operations that no honest file reaches: a ResNet-152 has some 30,000. */
const mostOperations = 5_000_000

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
  const text = (length: number) => Buffer.from(bytes.subarray(take(length), at)).toString('utf8')
  const line = () => {
    const end = bytes.indexOf(10, at)
    if (end < 0 || end - at > 1000) throw broken('the pickle ends in the middle')
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
      case 'X':
        stack.push(text(view.getUint32(take(4), true)))
        break
      case '\x8c':
        stack.push(text(bytes[take(1)] as number))
        break
      case 'U':
        stack.push(text(bytes[take(1)] as number))
        break
      case 'T':
      case 'B': {
        const length = view.getUint32(take(4), true)
        stack.push(bytes.subarray(take(length), at))
        break
      }
      case 'C': {
        const length = bytes[take(1)] as number
        stack.push(bytes.subarray(take(length), at))
        break
      }
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
        global(`${pop()}.${name}`)
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
      case '.':
        return { value: pop(), end: at }
      default:
        throw broken(
          `the pickle has an operation (0x${operation.charCodeAt(0).toString(16)}) that weight files do not need`,
        )
    }
  }
}

const refused = (name: string) =>
  new RegraftError(
    'weights',
    `it refers to '${name.slice(0, 200)}': loading it would run Python code, or it holds a whole module instead of its weights. ` +
      "Save the weights alone, with torch.save(model.state_dict(), 'weights.pth')",
  )
