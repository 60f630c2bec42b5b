/** What a trained network predicts in where that is left open: what is faster here, told with its times, or why there is no choice. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { noBfloat16 } from '../engines/index.js'
import { randomModel } from '../inference/randomModel.testing.js'
import { inferencePrecision } from './choose.js'

const model = randomModel('resnet18-narrow', ['ant', 'bee'], 32)
const open = { engine: 'auto', threads: 1 } as const
let cache: string
let told: string[]
const tell = (line: string) => void told.push(line)

beforeEach(() => {
  told = []
  cache = mkdtempSync(join(tmpdir(), 'regraft-choice-'))
  vi.stubEnv('REGRAFT_CACHE', cache)
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(cache, { recursive: true })
})

describe('the precision of predictions', () => {
  it.skipIf(noBfloat16() !== undefined)('is the faster of both by runs of this very network, remembered', async () => {
    const chosen = await inferencePrecision(model, 4, open, tell)
    expect(told).toEqual([
      expect.stringMatching(
        /^onednn in \w+, which is faster here: a run of 4 images takes onednn in float32 [\d.]+ ms, onednn in bfloat16 [\d.]+ ms$/,
      ),
    ])
    expect(told[0]).toContain(`onednn in ${chosen}, which`)
    await inferencePrecision(model, 4, open, tell)
    expect(told[1]).toBe(told[0])
  })

  it('is float32 where there is no choice, and says why', async () => {
    // Holds on every CPU: one without bfloat16, and one that may not use it
    vi.stubEnv('ONEDNN_MAX_CPU_ISA', 'AVX2')
    expect(await inferencePrecision(model, 4, open, tell)).toBe('float32')
    expect(told).toEqual([expect.stringMatching(/^precision float32: bfloat16 needs /)])
  })
})
