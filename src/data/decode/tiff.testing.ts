/** TIFF files for tests, of samples that sharp does not write. */

const types = { 3: 2, 4: 4 } as const

/** A file of one strip, from its samples' bytes in little-endian order. @param photometric 1 gray, 2 RGB, 8 CIELAB */
export function tiff(
  [width, height, samples]: readonly [number, number, number],
  bits: number,
  format: 'unsigned' | 'signed' | 'float',
  photometric: number,
  data: Uint8Array,
): Buffer {
  const kind = { unsigned: 1, signed: 2, float: 3 }[format]
  const each = (value: number) => Array.from({ length: samples }, () => value)
  const entries: readonly (readonly [tag: number, type: keyof typeof types, values: readonly number[]])[] = [
    [256, 4, [width]],
    [257, 4, [height]],
    [258, 3, each(bits)],
    [259, 3, [1]],
    [262, 3, [photometric]],
    [273, 4, [8]],
    [277, 3, [samples]],
    [278, 4, [height]],
    [279, 4, [data.length]],
    [339, 3, each(kind)],
  ]
  const page = 8 + data.length + (data.length % 2)
  let more = page + 2 + 12 * entries.length + 4
  const file = Buffer.alloc(more + entries.length * 2 * samples)
  file.write('II*\0', 'latin1')
  file.writeUInt32LE(page, 4)
  file.set(data, 8)
  file.writeUInt16LE(entries.length, page)
  for (const [i, [tag, type, values]] of entries.entries()) {
    const at = page + 2 + 12 * i
    file.writeUInt16LE(tag, at)
    file.writeUInt16LE(type, at + 2)
    file.writeUInt32LE(values.length, at + 4)
    const fits = values.length * types[type] <= 4
    if (!fits) file.writeUInt32LE(more, at + 8)
    const start = fits ? at + 8 : more
    for (const [j, value] of values.entries()) file.writeUIntLE(value, start + j * types[type], types[type])
    if (!fits) more += 2 * samples
  }
  return file
}
