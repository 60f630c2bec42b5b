/** Number formats of weight files, and their conversion to float32. */

/** Bytes of one element. */
export const elementSize = {
  float64: 8,
  float32: 4,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  int32: 4,
  int16: 2,
  int8: 1,
  uint64: 8,
  uint32: 4,
  uint16: 2,
  uint8: 1,
  bool: 1,
} as const

export type NumberFormat = keyof typeof elementSize

export const isInteger = (format: NumberFormat): boolean => !format.includes('float')

/** IEEE 754 half precision. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

let halves: Float32Array | undefined
/** The value of each of the 65,536 half-precision numbers: a look-up is ten times faster than the arithmetic. */
const halfTable = (): Float32Array => (halves ??= Float32Array.from({ length: 65536 }, (_, bits) => halfToNumber(bits)))

/** Reads `count` elements from the start of `bytes`, which must hold them; 64-bit integers lose precision beyond 2^53. */
export function toFloat32(bytes: Uint8Array, format: NumberFormat, count: number, littleEndian = true): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const result = new Float32Array(count)
  const fill = (read: (offset: number) => number) => {
    const size = elementSize[format]
    for (let i = 0; i < count; i++) result[i] = read(i * size)
    return result
  }
  switch (format) {
    case 'float32':
      if (!littleEndian) return fill(offset => view.getFloat32(offset))
      new Uint8Array(result.buffer).set(bytes.subarray(0, 4 * count))
      return result
    case 'float16': {
      const table = halfTable()
      return fill(offset => table[view.getUint16(offset, littleEndian)] as number)
    }
    case 'bfloat16': {
      // Its bits are the upper half of a float32's.
      const bits = new Uint32Array(result.buffer)
      for (let i = 0; i < count; i++) bits[i] = view.getUint16(2 * i, littleEndian) << 16
      return result
    }
    case 'float64':
      return fill(offset => view.getFloat64(offset, littleEndian))
    case 'int64':
      return fill(offset => Number(view.getBigInt64(offset, littleEndian)))
    case 'int32':
      return fill(offset => view.getInt32(offset, littleEndian))
    case 'int16':
      return fill(offset => view.getInt16(offset, littleEndian))
    case 'int8':
      return fill(offset => view.getInt8(offset))
    case 'uint64':
      return fill(offset => Number(view.getBigUint64(offset, littleEndian)))
    case 'uint32':
      return fill(offset => view.getUint32(offset, littleEndian))
    case 'uint16':
      return fill(offset => view.getUint16(offset, littleEndian))
    case 'uint8':
    case 'bool':
      return fill(offset => view.getUint8(offset))
  }
}
