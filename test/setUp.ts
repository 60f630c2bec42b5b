/** What every file of tests begins and ends with. */
import { afterAll, expect, vi } from 'vitest'

// Arrays of the same bytes are equal without a look at each of a million numbers; of others Vitest tells where they differ
expect.addEqualityTesters([
  (one, other) => {
    if (!ArrayBuffer.isView(one) || !ArrayBuffer.isView(other) || one.constructor !== other.constructor)
      return undefined
    const [a, b] = [one, other].map(({ buffer, byteOffset, byteLength }) =>
      Buffer.from(buffer, byteOffset, byteLength),
    ) as [Buffer, Buffer]
    return a.equals(b) || undefined
  },
])

// Files that share a process leave it as they found it
const [before, cwd] = [{ ...process.env }, process.cwd()]
afterAll(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
  vi.unstubAllGlobals()
  process.chdir(cwd)
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name]
  Object.assign(process.env, before)
})
