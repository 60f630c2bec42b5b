/** Interprets Python's pickle format as plain data: names of Python objects are looked up in a short list, nothing is ever called. */
import { broken, PickleBytes } from './pickleBytes.js'
import { mostOperations, PickleMachine, type PickleValue, type PickleWorld, tooLong } from './pickleMachine.js'

type Operation = (machine: PickleMachine, bytes: PickleBytes) => void

const pushToMark: Operation = machine => machine.push(machine.toMark())
const appendToMark: Operation = machine => machine.append(machine.toMark())

/** What weight files need of it, by code and with the names of Python's pickletools; sets are read as lists. */
const operations = new Map<number, Operation>(
  Object.entries({
    '80 PROTO': (_, bytes) => {
      if (bytes.byte() > 5) throw broken('the pickle is of a protocol that does not exist yet')
    },
    '95 FRAME': (_, bytes) => void bytes.uint64(),

    '28 MARK': machine => machine.mark(),
    '30 POP': machine => void machine.pop(),
    '31 POP_MARK': machine => void machine.toMark(),
    '32 DUP': machine => machine.push(machine.top()),

    '4e NONE': machine => machine.push(null),
    '88 NEWTRUE': machine => machine.push(true),
    '89 NEWFALSE': machine => machine.push(false),
    '4a BININT': (machine, bytes) => machine.push(bytes.int32()),
    '4b BININT1': (machine, bytes) => machine.push(bytes.byte()),
    '4d BININT2': (machine, bytes) => machine.push(bytes.uint16()),
    '47 BINFLOAT': (machine, bytes) => machine.push(bytes.float64()),
    '8a LONG1': (machine, bytes) => machine.push(bytes.whole(bytes.byte())),
    '8b LONG4': (machine, bytes) => machine.push(bytes.whole(bytes.int32())),

    '58 BINUNICODE': (machine, bytes) => machine.push(bytes.text(bytes.uint32())),
    '8c SHORT_BINUNICODE': (machine, bytes) => machine.push(bytes.text(bytes.byte())),
    '8d BINUNICODE8': (machine, bytes) => machine.push(bytes.text(bytes.uint64())),
    '55 SHORT_BINSTRING': (machine, bytes) => machine.push(bytes.text(bytes.byte())),
    '54 BINSTRING': (machine, bytes) => machine.push(bytes.block(bytes.uint32())),
    '42 BINBYTES': (machine, bytes) => machine.push(bytes.block(bytes.uint32())),
    '43 SHORT_BINBYTES': (machine, bytes) => machine.push(bytes.block(bytes.byte())),
    '8e BINBYTES8': (machine, bytes) => machine.push(bytes.block(bytes.uint64())),

    '29 EMPTY_TUPLE': machine => machine.push([]),
    '85 TUPLE1': machine => machine.tuple(1),
    '86 TUPLE2': machine => machine.tuple(2),
    '87 TUPLE3': machine => machine.tuple(3),
    '74 TUPLE': pushToMark,
    '5d EMPTY_LIST': machine => machine.push([]),
    '6c LIST': pushToMark,
    '61 APPEND': machine => machine.append([machine.pop()]),
    '65 APPENDS': appendToMark,
    '8f EMPTY_SET': machine => machine.push([]),
    '91 FROZENSET': pushToMark,
    '90 ADDITEMS': appendToMark,
    '7d EMPTY_DICT': machine => machine.push(new Map()),
    '64 DICT': machine => {
      const items = machine.toMark()
      machine.push(new Map())
      machine.setItems(items)
    },
    '73 SETITEM': machine => {
      const value = machine.pop()
      machine.setItems([machine.pop(), value])
    },
    '75 SETITEMS': machine => machine.setItems(machine.toMark()),

    '71 BINPUT': (machine, bytes) => machine.store(bytes.byte()),
    '72 LONG_BINPUT': (machine, bytes) => machine.store(bytes.uint32()),
    '94 MEMOIZE': machine => machine.memoize(),
    '68 BINGET': (machine, bytes) => machine.recall(bytes.byte()),
    '6a LONG_BINGET': (machine, bytes) => machine.recall(bytes.uint32()),

    '63 GLOBAL': (machine, bytes) => {
      const module = bytes.line()
      machine.global(module, bytes.line())
    },
    '93 STACK_GLOBAL': machine => {
      const name = machine.pop()
      machine.global(machine.pop(), name)
    },
    '52 REDUCE': machine => machine.call(),
    '81 NEWOBJ': machine => machine.call(),
    // Attributes of an object: of no interest, and nothing to run.
    '62 BUILD': machine => void machine.pop(),
    '51 BINPERSID': machine => machine.persistent(),
  } satisfies Record<string, Operation>).map(([name, operation]) => [Number.parseInt(name, 16), operation]),
)

/** Ends a pickle; its value is on top. */
const stop = 0x2e

/**
 * Reads one pickle.
 * @returns its value, and the position after it
 * @throws RegraftError('weights') for a global that is not allowed, an operation that weight files do not need, or damage
 */
export function readPickle(file: Uint8Array, start: number, world: PickleWorld): { value: PickleValue; end: number } {
  const bytes = new PickleBytes(file, start)
  const machine = new PickleMachine(world)
  for (let count = 0; count <= mostOperations; count++) {
    const code = bytes.byte()
    if (code === stop) return { value: machine.pop(), end: bytes.position }
    const operation = operations.get(code)
    if (!operation) throw broken(`the pickle has an operation (0x${code.toString(16)}) that weight files do not need`)
    operation(machine, bytes)
  }
  throw tooLong()
}
