/** One temporary folder for all tests of a run, in which they make theirs: what any of them leaves goes with it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Called by Vitest before the first test file is loaded. @returns what it calls after the last */
export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'regraft-tests-'))
  // What tmpdir() reads, on Linux and macOS and on Windows
  for (const name of ['TMPDIR', 'TEMP', 'TMP']) process.env[name] = folder
  return () => rmSync(folder, { recursive: true, force: true })
}
