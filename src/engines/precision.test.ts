/** Whether this CPU computes in bfloat16, and how fast: measured once per CPU and number of threads, and remembered. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { GraphBuilder } from '../graph/index.js'
import { chooseEngine, noBfloat16, productRates } from './index.js'
import { computesBfloat16 } from './onednn/index.js'
import { nativeAddon } from './onednn/native.js'

const able = typeof nativeAddon() === 'object' && computesBfloat16()
let cache: string

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'regraft-precision-'))
  vi.stubEnv('REGRAFT_CACHE', cache)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(cache, { recursive: true })
})

const remembered = () => join(cache, 'precision.json')

describe.skipIf(able)('without an engine that computes in bfloat16', () => {
  it('there is a reason', () => {
    expect(noBfloat16()).toMatch(/^bfloat16 needs /)
  })
})

describe.skipIf(!able)('the rate of products', () => {
  it('is measured once and then remembered', async () => {
    const first = await productRates(1)
    expect(first?.float32).toBeGreaterThan(1e8)
    expect(Object.values(JSON.parse(await readFile(remembered(), 'utf8')) as object)).toEqual([first])
    expect(await productRates(1)).toEqual(first)
  })

  it.each([
    ['DNNL_MAX_CPU_ISA', 'AVX2'],
    ['ONEDNN_MAX_CPU_ISA', 'avx512_core'],
  ])('is not there where the environment holds the CPU down: %s=%s', async (name, limit) => {
    vi.stubEnv(name, limit)
    expect(await productRates(1)).toBeUndefined()
    const reason = `bfloat16 needs a CPU with AVX512_BF16 or AMX_BF16, and ${name}=${limit} in the environment forbids both`
    expect(noBfloat16()).toBe(reason)
    const graph = new GraphBuilder('empty').build([])
    expect(() => chooseEngine('onednn', graph, 'bfloat16')).toThrow(
      `no engine can run this in bfloat16: onednn: ${reason}`,
    )
  })

  it.each(['AVX512_CORE_BF16', 'avx512_core_amx', 'ALL', ''])('is measured where the limit %j allows it', limit => {
    vi.stubEnv('ONEDNN_MAX_CPU_ISA', limit)
    expect(noBfloat16()).toBeUndefined()
  })

  it('is measured anew where the figures are damaged', async () => {
    await writeFile(remembered(), '{"AMD": {"float32": -1')
    expect((await productRates(1))?.bfloat16).toBeGreaterThan(1e8)
  })
})
