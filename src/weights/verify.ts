/** Checks downloaded files against what is known of them, and remembers that they were right. */
import { readFile, stat } from 'node:fs/promises'
import { z } from 'zod'
import { writeJson } from '../base/files.js'
import { parseJson } from '../base/json.js'
import { hashOfFile } from './hash.js'

/** What is known of a file in advance; what is not given is not checked. */
export interface Expected {
  /** Hexadecimal SHA-256, or its first digits. */
  readonly sha256?: string
  /** Hexadecimal. */
  readonly md5?: string
  /** Bytes. */
  readonly size?: number
}

const markSchema = z.object({
  size: z.number(),
  mtimeMs: z.number(),
  sha256: z.string().optional(),
  md5: z.string().optional(),
})

const markPath = (path: string) => `${path}.ok`
const algorithms = ['sha256', 'md5'] as const
const agrees = (digits: string | undefined, wanted: string | undefined) =>
  wanted === undefined || digits?.startsWith(wanted.toLowerCase()) === true

/** Says in words how the file differs from what is expected, or returns undefined where it does not. */
export async function misfit(path: string, expected: Expected): Promise<string | undefined> {
  const { size } = await stat(path)
  if (expected.size !== undefined && size !== expected.size) return `${size} bytes instead of ${expected.size}`
  for (const algorithm of algorithms) {
    const wanted = expected[algorithm]
    if (wanted === undefined) continue
    const digits = await hashOfFile(path, algorithm)
    if (!agrees(digits, wanted)) return `${algorithm} ${digits.slice(0, 12)}… instead of ${wanted.slice(0, 12)}…`
  }
  return undefined
}

/** Notes that a file is right, so that it need not be read again each time. */
export async function mark(path: string, { sha256, md5 }: Expected): Promise<void> {
  const { size, mtimeMs } = await stat(path)
  await writeJson(markPath(path), { size, mtimeMs, sha256: sha256?.toLowerCase(), md5: md5?.toLowerCase() })
}

/** Whether the file was found right before and has not changed since. */
export async function isMarked(path: string, expected: Expected): Promise<boolean> {
  const { size, mtimeMs } = await stat(path)
  if (expected.size !== undefined && size !== expected.size) return false
  const text = await readFile(markPath(path), 'utf8').catch(() => 'null')
  const marked = markSchema.safeParse(parseJson(text)).data
  if (marked?.size !== size || marked.mtimeMs !== mtimeMs) return false
  return algorithms.every(algorithm => agrees(marked[algorithm], expected[algorithm]))
}
