/** Whether a run has seen images before: an accuracy on those says little about new ones. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { folderOfImages } from '../data/index.js'
import type { RunConfig } from '../training/index.js'

/** How many of some images are among those that a run was trained on, or that chose its best epoch. */
export interface SeenImages {
  readonly train: number
  readonly val: number
}

/**
 * Counts equal files, wherever they lie. Files are read only where their size is the same as that of one that the run
 * has seen; what can no longer be read is not compared.
 * @param paths of the images to be measured
 */
export async function seenImages(config: RunConfig, paths: readonly string[]): Promise<SeenImages> {
  const measured = await bySize(paths)
  const folder = await folderOfImages(config.data)
  const counts = { train: 0, val: 0 }
  const counted = new Set<string>()
  for (const part of ['train', 'val'] as const) {
    const seen = await bySize(config.split[part].map(path => resolve(folder, path)))
    for (const [size, own] of seen) {
      const candidates = (measured.get(size) ?? []).filter(path => !counted.has(path))
      if (candidates.length === 0) continue
      const digests = new Set(await Promise.all(own.map(digestOf)))
      for (const path of candidates) {
        if (!own.includes(path) && !digests.has(await digestOf(path))) continue
        counted.add(path)
        counts[part]++
      }
    }
  }
  return counts
}

async function bySize(paths: readonly string[]): Promise<Map<number, string[]>> {
  const sizes = new Map<number, string[]>()
  for (const path of paths.map(path => resolve(path))) {
    const found = await stat(path).catch(() => undefined)
    if (!found?.isFile()) continue
    const others = sizes.get(found.size)
    if (others === undefined) sizes.set(found.size, [path])
    else others.push(path)
  }
  return sizes
}

/** SHA-1 of a file; of one that cannot be read, its path. */
async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha1')
  try {
    await pipeline(createReadStream(path), hash)
    return hash.digest('hex')
  } catch {
    return path
  }
}
