/** The choice between engines and precisions, on engines whose speeds are made up. */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { engines } from '../engines/index.js'
import { type Candidate, candidateName, fastest } from './fastest.js'

const [engine] = engines
const candidates: Candidate[] = [
  { engine: engine!, precision: 'float32' },
  { engine: engine!, precision: 'bfloat16' },
]
/** A start of trials whose steps take so many milliseconds, and what became of them. */
function speeds(milliseconds: Readonly<Record<string, number>>) {
  const steps: string[] = []
  let open = 0
  const start = async (candidate: Candidate) => {
    const time = milliseconds[candidate.precision]
    if (time === undefined) throw new Error(`no memory for ${candidateName(candidate)}`)
    open++
    return {
      step: async () => {
        steps.push(candidate.precision)
        await sleep(time)
      },
      dispose: async () => {
        open--
      },
    }
  }
  return { start, steps, open: () => open }
}
const key = () => `test ${Math.random()}`

describe('the fastest candidate', () => {
  it.each([
    ['float32', { float32: 5, bfloat16: 40 }],
    ['bfloat16', { float32: 40, bfloat16: 5 }],
  ] as const)('is the one whose steps take the least time: %s', async (precision, milliseconds) => {
    const { start, steps, open } = speeds(milliseconds)
    const { best, seconds } = await fastest(candidates, start, key())
    expect(best.precision).toBe(precision)
    expect(Object.keys(seconds)).toEqual(candidates.map(candidateName))
    expect(steps.slice(0, 4)).toEqual(['float32', 'bfloat16', 'float32', 'bfloat16'])
    expect(open()).toBe(0)
  })

  it('is remembered for the same work, and looked for anew for other work', async () => {
    const own = key()
    await fastest(candidates, speeds({ float32: 20, bfloat16: 1 }).start, own)
    const again = speeds({ float32: 1, bfloat16: 20 })
    expect((await fastest(candidates, again.start, own)).best.precision).toBe('bfloat16')
    expect(again.steps).toEqual([])
    expect((await fastest(candidates, again.start, key())).best.precision).toBe('float32')
  })

  it('is among those that can start; where none can, it says why', async () => {
    expect((await fastest(candidates, speeds({ bfloat16: 1 }).start, key())).best.precision).toBe('bfloat16')
    await expect(fastest(candidates, speeds({}).start, key())).rejects.toThrow('no memory for')
  })
})
