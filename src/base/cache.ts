/** The folder that downloads, and what was found in data folders, are kept in. */
import { readdir, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import envPaths from 'env-paths'

/** `REGRAFT_CACHE`, else the platform's own place for caches. */
export const cacheFolder = (): string => resolve(process.env.REGRAFT_CACHE || envPaths('regraft', { suffix: '' }).cache)

/** Where a thing of that name stands in the cache. */
export const cachePath = (name: string): string => join(cacheFolder(), name)

/** Removes what was written or used longest ago from a folder of the cache, until so many bytes and files are left. */
export async function trimCache(folder: string, mostBytes: number, mostFiles: number): Promise<void> {
  const files: { path: string; size: number; written: number }[] = []
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    const found = await stat(path).catch(() => undefined)
    if (found !== undefined) files.push({ path, size: found.size, written: found.mtimeMs })
  }
  files.sort((a, b) => b.written - a.written)
  let bytes = 0
  for (const [i, { path, size }] of files.entries()) {
    bytes += size
    if (i >= mostFiles || bytes > mostBytes) await rm(path, { force: true })
  }
}
