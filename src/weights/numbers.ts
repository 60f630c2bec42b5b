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

/** Reads `count` elements from the start of `bytes`; 64-bit integers lose precision beyond 2^53. */
export function toFloat32(bytes: Uint8Array, format: NumberFormat, count: number, littleEndian = true): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const result = new Float32Array(count)
  if (format === 'float32' && littleEndian) {
    new Uint8Array(result.buffer).set(bytes.subarray(0, 4 * count))
    return result
  }
  const scratch = new DataView(new ArrayBuffer(4))
  const read: Readonly<Record<NumberFormat, (offset: number) => number>> = {
    float64: offset => view.getFloat64(offset, littleEndian),
    float32: offset => view.getFloat32(offset, littleEndian),
    float16: offset => halfToNumber(view.getUint16(offset, littleEndian)),
    bfloat16: offset => {
      scratch.setUint32(0, view.getUint16(offset, littleEndian) << 16)
      return scratch.getFloat32(0)
    },
    int64: offset => Number(view.getBigInt64(offset, littleEndian)),
    int32: offset => view.getInt32(offset, littleEndian),
    int16: offset => view.getInt16(offset, littleEndian),
    int8: offset => view.getInt8(offset),
    uint8: offset => view.getUint8(offset),
    bool: offset => view.getUint8(offset),
  }
  for (let i = 0; i < count; i++) result[i] = read[format](i * elementSize[format])
  return result
}
