/** Tells whether a file is the one that was looked at before, without reading it: by path, size and time of change. */
import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Dataset } from '../dataset.js'

/**
 * For each sample of a data set 64 bits of its path, size and time of change; 0 where the file is not there. Eight bytes
 * for each, so that a hundred thousand files are no burden.
 */
export type FileStamps = BigUint64Array

/** How many files are looked at before others get their turn: some milliseconds' worth. */
const AT_ONCE = 256

/** Looks at every file of a data set, or at those of some samples; the others have 0. */
export async function fileStamps(
  dataset: Dataset,
  indices: readonly number[] = [...dataset.samples.keys()],
  signal?: AbortSignal,
): Promise<FileStamps> {
  const stamps = new BigUint64Array(dataset.samples.length)
  for (const [i, index] of indices.entries()) {
    if (i % AT_ONCE === 0) {
      await new Promise(setImmediate)
      signal?.throwIfAborted()
    }
    const { path } = dataset.samples[index]!
    const found = sizeAndTime(resolve(dataset.root, path))
    if (found === undefined) continue
    stamps[index] = createHash('sha1').update(`${path}\0${found}`).digest().readBigUInt64LE()
  }
  return stamps
}

function sizeAndTime(path: string): string | undefined {
  try {
    // An asynchronous look costs ten times as much
    const { size, mtimeMs } = statSync(path)
    return `${size}\0${mtimeMs}`
  } catch {
    return undefined
  }
}

/** 64 bits for a state of several files: of all the stamps, in their order. */
export function stateOf(stamps: FileStamps, indices: readonly number[]): string {
  const chosen = BigUint64Array.from(indices, index => stamps[index]!)
  return createHash('sha1').update(new Uint8Array(chosen.buffer)).digest('hex').slice(0, 16)
}
