/** The version of this package, and of Node that it needs. */
import { readFileSync } from 'node:fs'
import { z } from 'zod'

const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

const { version, engines } = z.object({ version: z.string(), engines: z.object({ node: z.string() }) }).parse(manifest)

export { version }

/** What Node is too old for, in words; nothing where it is not. */
export function tooOldNode(): string | undefined {
  const needed = engines.node.replace('>=', '')
  const { node } = process.versions
  if (node.localeCompare(needed, 'en', { numeric: true }) >= 0) return undefined
  return `regraft needs Node ${needed} or later, as the packages that it works with do; this is Node ${node}`
}
