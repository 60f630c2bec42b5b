/** Finds reference material that lies beside a checkout (golden values, real images and weights); tests use it and do without it elsewhere. */
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = process.env.REGRAFT_SHARED ?? resolve(dirname(fileURLToPath(import.meta.url)), '../../../shared')

/** The path of a file or folder below the shared folder (`REGRAFT_SHARED`, else `../shared` beside the repository), or undefined where it is not there. */
export function sharedPath(relative: string): string | undefined {
  const path = join(root, relative)
  return existsSync(path) ? path : undefined
}
