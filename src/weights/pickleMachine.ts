/** What a pickle works on: a stack with marks, a memo, and the names of Python that may be used. */
import { broken } from './pickleBytes.js'
import { refused } from './refused.js'

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
export const mostOperations = 1_000_000

export const tooLong = () => broken('the pickle is longer than that of any network')

const mark = Symbol('mark')

const sizeOf = (value: PickleValue): number =>
  Array.isArray(value) ? value.length : value instanceof Map ? value.size : 0

export class PickleMachine {
  readonly #stack: (PickleValue | typeof mark)[] = []
  readonly #memo = new Map<number, PickleValue>()
  /** Items that calls were given: each may be copied, and a pickle may give the same ones any number of times. */
  #given = 0

  constructor(private readonly world: PickleWorld) {}

  push(value: PickleValue): void {
    this.#stack.push(value)
  }
  mark(): void {
    this.#stack.push(mark)
  }
  pop(): PickleValue {
    const item = this.top()
    this.#stack.pop()
    return item
  }
  top(): PickleValue {
    const item = this.#stack.at(-1)
    if (item === undefined || item === mark) throw broken('the pickle takes more than it has put')
    return item
  }
  /** Takes everything down to the last mark, and the mark. */
  toMark(): PickleValue[] {
    const from = this.#stack.lastIndexOf(mark)
    if (from < 0) throw broken('the pickle has no mark where it needs one')
    return this.#stack.splice(from).slice(1) as PickleValue[]
  }
  tuple(count: number): void {
    this.push(Array.from({ length: count }, () => this.pop()).reverse())
  }

  store(index: number): void {
    this.#memo.set(index, this.top())
  }
  /** Under the next number. */
  memoize(): void {
    this.store(this.#memo.size)
  }
  recall(index: number): void {
    const value = this.#memo.get(index)
    if (value === undefined) throw broken('the pickle refers to what it has not stored')
    this.push(value)
  }

  /** Of the dictionary on top: keys and values in turn. */
  setItems(items: readonly PickleValue[]): void {
    const target = this.top()
    if (!(target instanceof Map)) throw broken('the pickle sets items of what is no dictionary')
    for (let i = 0; i + 1 < items.length; i += 2) target.set(items[i] as PickleValue, items[i + 1] as PickleValue)
  }
  /** To the list on top. */
  append(items: readonly PickleValue[]): void {
    const target = this.top()
    if (!Array.isArray(target)) throw broken('the pickle appends to what is no list')
    for (const item of items) target.push(item)
  }

  global(module: PickleValue, name: PickleValue): void {
    if (typeof name !== 'string' || typeof module !== 'string') throw broken('the pickle names what is no text')
    if (!this.world.knows(`${module}.${name}`)) throw refused(`${module}.${name}`)
    this.push(new PickleGlobal(`${module}.${name}`))
  }
  /** Never a real call: the world gives data for the few names it knows. */
  call(): void {
    const args = this.pop()
    const callee = this.pop()
    if (!(callee instanceof PickleGlobal) || !Array.isArray(args)) throw broken('the pickle calls what is no function')
    this.#given += args.reduce((sum: number, item) => sum + sizeOf(item), args.length)
    if (this.#given > 2 * mostOperations) throw tooLong()
    const result = this.world.call(callee.name, args)
    if (result === undefined) throw refused(callee.name)
    this.push(result)
  }
  persistent(): void {
    this.push(this.world.persistent(this.pop()))
  }
}
