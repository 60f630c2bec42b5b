/** The folder that downloads, and what was found in data folders, are kept in. */
import { join, resolve } from 'node:path'
import envPaths from 'env-paths'

/** `REGRAFT_CACHE`, else the platform's own place for caches. */
export const cacheFolder = (): string => resolve(process.env.REGRAFT_CACHE || envPaths('regraft', { suffix: '' }).cache)

/** Where a thing of that name stands in the cache. */
export const cachePath = (name: string): string => join(cacheFolder(), name)
