/** Whether this CPU computes in bfloat16, and how fast it multiplies then: measured once, and remembered. */

import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { cachePath } from '../base/cache.js'
import { writeJson } from '../base/files.js'
import { parseJson } from '../base/json.js'
import { cpuModel, usableCores } from '../base/machine.js'
import { lacksBfloat16 } from './onednn/bfloat16.js'
import { nativeAddon } from './onednn/native.js'

/** Multiply-adds per second of a large matrix product. */
const rates = z.object({ float32: z.number().positive(), bfloat16: z.number().positive() })
type Rates = z.output<typeof rates>

const remembered = () => cachePath('precision.json')

/** Why no engine computes in bfloat16 here, in words; undefined where one does. */
export function noBfloat16(): string | undefined {
  const addon = nativeAddon()
  return typeof addon === 'string' ? `bfloat16 needs the engine onednn: ${addon}` : lacksBfloat16()
}

/**
 * Multiply-adds per second of a large matrix product in each precision, of this CPU and that many threads; undefined
 * where no engine computes in bfloat16. The first call takes about a second, later ones read what it found.
 */
export async function productRates(threads = usableCores()): Promise<Rates | undefined> {
  const addon = nativeAddon()
  if (typeof addon === 'string' || lacksBfloat16() !== undefined) return undefined
  const key = `${cpuModel()}, ${threads} threads, oneDNN ${addon.version}`
  const text = await readFile(remembered(), 'utf8').catch(() => '')
  const known = z.record(z.string(), rates).safeParse(parseJson(text)).data ?? {}
  const found = known[key]
  if (found) return found
  const measured = { float32: 0, bfloat16: 0 }
  // In turns, since other programs come and go.
  for (const precision of ['float32', 'bfloat16', 'float32', 'bfloat16'] as const)
    measured[precision] = Math.max(measured[precision], await addon.productRate(precision, threads))
  // A cache that cannot be written costs a second the next time.
  await writeJson(remembered(), { ...known, [key]: measured }).catch(() => {})
  return measured
}
