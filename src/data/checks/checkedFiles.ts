/** Which image files have been decoded before without a fault: they need no check until they change. */
import type { FileStamps } from './fileStamps.js'
import { keepScan, readScan, type ScanKind } from './keepScan.js'

/** Raise the revision where a file that could be decoded no longer can, or where it now means something else. */
const kind: ScanKind = { name: 'checked', revision: 3 }
/** Most stamps that are kept for one folder: 8 MB. */
const MAX_STAMPS = 1_000_000

/** The stamps of the files of a folder that were decoded before, ascending. */
export async function checkedFiles(root: string): Promise<FileStamps> {
  const content = await readScan(root, kind)
  if (content === undefined || content.length % 8 !== 0) return new BigUint64Array()
  return new BigUint64Array(Uint8Array.from(content).buffer)
}

/** Keeps the stamps of files that were decoded, beside those that were kept before: other samples may be asked for next. */
export async function keepCheckedFiles(root: string, before: FileStamps, decoded: readonly bigint[]): Promise<void> {
  const all = new Set(decoded)
  for (const stamp of before) if (all.size < MAX_STAMPS) all.add(stamp)
  all.delete(0n)
  await keepScan(root, kind, new Uint8Array(BigUint64Array.from(all).sort().buffer))
}

/** Whether an ascending list has a stamp. */
export function hasStamp(sorted: FileStamps, stamp: bigint): boolean {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle]! < stamp) low = middle + 1
    else high = middle
  }
  return sorted[low] === stamp && stamp !== 0n
}
