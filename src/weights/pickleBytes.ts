/** The bytes of a pickle, read one after another and never past their end. */
import { RegraftError } from '../base/errors.js'

/** Bytes of a whole number, and of a line that names a global. */
const longest = 1000

/** The error for bytes that are no pickle, or one that was cut off. */
export const broken = (what: string): RegraftError => new RegraftError('weights', what)

/** Whole numbers are little-endian. Every method moves on, and throws RegraftError('weights') at the end of the file. */
export class PickleBytes {
  readonly #view: DataView

  constructor(
    private readonly bytes: Uint8Array,
    /** Of the byte that comes next. */
    public position: number,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  byte(): number {
    return this.bytes[this.#take(1)] as number
  }
  uint16(): number {
    return this.#view.getUint16(this.#take(2), true)
  }
  uint32(): number {
    return this.#view.getUint32(this.#take(4), true)
  }
  int32(): number {
    return this.#view.getInt32(this.#take(4), true)
  }
  /** Larger numbers than a file can have bytes lose precision, and are refused where they are used as a length. */
  uint64(): number {
    return Number(this.#view.getBigUint64(this.#take(8), true))
  }
  /** Big-endian, unlike the rest. */
  float64(): number {
    return this.#view.getFloat64(this.#take(8))
  }

  block(length: number): Uint8Array {
    const from = this.#take(length)
    return this.bytes.subarray(from, this.position)
  }
  text(length: number): string {
    return Buffer.from(this.block(length)).toString('utf8')
  }
  /** Up to the end of a line, without it. */
  line(): string {
    const end = this.bytes.indexOf(10, this.position)
    if (end < 0 || end - this.position > longest) throw broken('the pickle ends in the middle')
    const text = this.text(end - this.position)
    this.position++
    return text
  }
  /** A whole number of any length, in two's complement. */
  whole(length: number): number | bigint {
    if (length < 0 || length > longest) throw broken('the pickle has a number that is too long')
    const block = this.block(length)
    const bits = block.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n)
    const value = BigInt.asIntN(8 * length, bits)
    return Number.isSafeInteger(Number(value)) ? Number(value) : value
  }

  #take(count: number): number {
    const from = this.position
    if (count < 0 || from + count > this.bytes.length) throw broken('the pickle ends in the middle')
    this.position += count
    return from
  }
}
