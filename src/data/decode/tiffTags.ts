/** Reads what a TIFF file says of the samples of its first page (TIFF 6.0; BigTIFF). */

/** Undefined where the file does not say, or is damaged: then libtiff says so. */
export interface TiffTags {
  /** Bits of a sample. */
  readonly bits: number
  readonly kind: 'unsigned' | 'signed' | 'float' | 'complex' | undefined
  /** Width and height. */
  readonly sides: readonly [number, number]
  /** Samples of a pixel. */
  readonly samples: number
  readonly isLab: boolean
}

const [WIDTH, HEIGHT] = [256, 257]
const BITS = 258
const PHOTOMETRIC = 262
const SAMPLES = 277
const FORMAT = 339
/** CIELAB, ICCLAB and ITULAB. */
const LAB = [8, 9, 10]
const [SHORT, LONG] = [3, 4]
const kinds = [undefined, 'unsigned', 'signed', 'float', undefined, 'complex', 'complex'] as const

export function tiffTags(bytes: Uint8Array): TiffTags | undefined {
  try {
    return read(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function read(view: DataView): TiffTags {
  const little = view.getUint8(0) === 0x49
  const big = view.getUint16(2, little) === 43
  const offset = (at: number) => (big ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little))
  const [size, head, inline] = big ? [20, 8, 8] : [12, 2, 4]
  const page = offset(big ? 8 : 4)
  const count = big ? Number(view.getBigUint64(page, little)) : view.getUint16(page, little)
  const values = new Map<number, number>()
  for (let i = 0, at = page + head; i < Math.min(count, 4096); i++, at += size) {
    const [tag, type] = [view.getUint16(at, little), view.getUint16(at + 2, little)]
    if (type === LONG && (tag === WIDTH || tag === HEIGHT)) values.set(tag, view.getUint32(at + 4 + inline, little))
    if (type !== SHORT) continue
    const fits = 2 * offset(at + 4) <= inline
    // Of several samples the first speaks for all
    values.set(tag, view.getUint16(fits ? at + 4 + inline : offset(at + 4 + inline), little))
  }
  return {
    bits: values.get(BITS) ?? 1,
    kind: kinds[values.get(FORMAT) ?? 1],
    sides: [values.get(WIDTH) ?? 0, values.get(HEIGHT) ?? 0],
    samples: values.get(SAMPLES) ?? 1,
    isLab: LAB.includes(values.get(PHOTOMETRIC) ?? 0),
  }
}
