/** Large HEIC files for tests: a grid of tiles, as telephones write them, each of which is the same coded picture. */
import { turnedHeic } from './heic.testing.js'

const u16 = (value: number) => Buffer.from([value >> 8, value & 255])
const u32 = (value: number) => Buffer.from([value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255])

function box(kind: string, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content)
  return Buffer.concat([u32(body.length + 8), Buffer.from(kind, 'latin1'), body])
}

const fullBox = (kind: string, version: number, ...content: readonly Uint8Array[]) =>
  box(kind, Buffer.from([version, 0, 0, 0]), ...content)

/** A box of the small file, as it stands there. */
function kept(kind: string): Buffer {
  const at = turnedHeic.indexOf(kind, 0, 'latin1') - 4
  return turnedHeic.subarray(at, at + turnedHeic.readUInt32BE(at))
}

/** @param columns and rows of tiles, 120 x 80 pixels each */
export function heicGrid(columns: number, rows: number): Buffer {
  const tiles = columns * rows
  const coded = turnedHeic.subarray(0x1c5, 0x1c5 + 0xac)
  const size = (width: number, height: number) => fullBox('ispe', 0, u32(width), u32(height))
  const ids = Array.from({ length: tiles }, (_, i) => i + 2)
  const info = (id: number, kind: string) => fullBox('infe', 2, u16(id), u16(0), Buffer.from(`${kind}\0`, 'latin1'))
  const grid = Buffer.concat([Buffer.from([0, 0, rows - 1, columns - 1]), u16(120 * columns), u16(80 * rows)])
  const build = (start: number): Buffer => {
    const place = (id: number, offset: number, length: number) =>
      Buffer.concat([u16(id), u16(0), u16(1), u32(start + offset), u32(length)])
    const locations = [place(1, 0, grid.length), ...ids.map(id => place(id, grid.length, coded.length))]
    const meta = fullBox(
      'meta',
      0,
      fullBox('hdlr', 0, u32(0), Buffer.from('pict', 'latin1'), Buffer.alloc(13)),
      fullBox('pitm', 0, u16(1)),
      fullBox('iloc', 0, Buffer.from([0x44, 0]), u16(tiles + 1), ...locations),
      fullBox('iinf', 0, u16(tiles + 1), info(1, 'grid'), ...ids.map(id => info(id, 'hvc1'))),
      box(
        'iprp',
        box('ipco', kept('hvcC'), size(120, 80), size(120 * columns, 80 * rows)),
        fullBox(
          'ipma',
          0,
          u32(tiles + 1),
          ...[Buffer.concat([u16(1), Buffer.from([1, 3])])],
          ...ids.map(id => Buffer.concat([u16(id), Buffer.from([2, 0x81, 2])])),
        ),
      ),
      fullBox('iref', 0, box('dimg', u16(1), u16(tiles), ...ids.map(u16))),
    )
    return Buffer.concat([kept('ftyp'), meta, box('mdat', grid, coded)])
  }
  return build(build(0).length - grid.length - coded.length)
}
