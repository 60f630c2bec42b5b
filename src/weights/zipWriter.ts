/** Writes zip archives that store without compression, as PyTorch reads them. */
import type { FileHandle } from 'node:fs/promises'
import { crc32 } from '../base/crc32.js'
import { writeBytes } from './writeBytes.js'

/** Data begin at multiples of this many bytes, so that a reader may map them into memory: what torch.save does. */
const alignment = 64

/** What local header and directory say alike (APPNOTE 4.3.7 and 4.3.12): version, flags, method, time, sizes, lengths. */
function described(name: Buffer, bytes: Uint8Array, extra: number): Buffer {
  const fields = Buffer.alloc(26)
  fields.writeUInt16LE(20, 0)
  // 1 January 1980, so that the same weights give the same file
  fields.writeUInt16LE(0x21, 8)
  fields.writeUInt32LE(crc32(bytes), 10)
  fields.writeUInt32LE(bytes.length, 14)
  fields.writeUInt32LE(bytes.length, 18)
  fields.writeUInt16LE(name.length, 22)
  fields.writeUInt16LE(extra, 24)
  return fields
}

/**
 * Writes the entries in their order. @param entries by name, which is ASCII; 2 GB in all at most
 */
export async function writeZip(file: FileHandle, entries: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const directory: Buffer[] = []
  let at = 0
  for (const [path, bytes] of entries) {
    const name = Buffer.from(path, 'ascii')
    const start = at + 30 + name.length
    // An extra field takes four bytes before its content
    const padding = (alignment - ((start + 4) % alignment)) % alignment
    const extra = Buffer.alloc(4 + padding, 'Z')
    extra.write('FB')
    extra.writeUInt16LE(padding, 2)
    const header = Buffer.concat([Buffer.from('PK\x03\x04'), described(name, bytes, extra.length), name, extra])
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE(at, 10)
    directory.push(Buffer.from('PK\x01\x02'), Buffer.from([20, 0]), described(name, bytes, 0), rest, name)
    await writeBytes(file, header)
    await writeBytes(file, bytes)
    at += header.length + bytes.length
  }
  const index = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06')
  end.writeUInt16LE(entries.size, 8)
  end.writeUInt16LE(entries.size, 10)
  end.writeUInt32LE(index.length, 12)
  end.writeUInt32LE(at, 16)
  await writeBytes(file, index)
  await writeBytes(file, end)
}
