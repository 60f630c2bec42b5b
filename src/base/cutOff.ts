/** Tells a library that is cut off, as a full disk or a broken download leaves it: loading it would end the process by a bus error. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** Of 64-bit ELF, little-endian: where the table of sections begins, which linkers put last, and its entries' size and number. */
const head = { length: 64, magic: 0x7f454c46, class64: 2, table: 0x28, entry: 0x3a, entries: 0x3c }

/** Whether an ELF file ends before its own head says; false for every other file, which the loader itself refuses. */
export function isCutOff(path: string): boolean {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(head.length)
    if (readSync(file, bytes) < head.length || bytes.readUInt32BE(0) !== head.magic || bytes[4] !== head.class64)
      return false
    const end =
      Number(bytes.readBigUInt64LE(head.table)) + bytes.readUInt16LE(head.entry) * bytes.readUInt16LE(head.entries)
    return fstatSync(file).size < end
  } finally {
    closeSync(file)
  }
}
