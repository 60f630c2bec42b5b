/** Runs that are begun before the last one is done: the next batch may be prepared while the device computes. */
import { describe, expect, it } from 'vitest'
import { GraphBuilder } from '../../graph/index.js'
import { reason, support } from './here.testing.js'
import { webgpuEngine } from './index.js'

const title = support.ok ? 'a run' : `a run (skipped: needs a GPU or Debian's chromium: ${reason})`

/** w := w + x at every run; returns the new w. */
function counter() {
  const builder = new GraphBuilder('counter')
  const w = builder.declare('w', 'state', [4])
  const next = builder.one('add', 'next', [w, builder.declare('x', 'input', [4])], {})
  return builder.build([next], new Map([[w, next]]))
}

describe.skipIf(!support.ok)(title, () => {
  it('has taken its inputs when it has begun, and the next one begins before it is done', async () => {
    const program = await webgpuEngine.compile(counter())
    const x = new Float32Array(new SharedArrayBuffer(16)).fill(1)
    const results: Promise<Float32Array>[] = []
    for (let i = 0; i < 7; i++) {
      x.fill(10 ** i)
      const { outputs } = await program.begin!({ x })
      x.fill(Number.NaN)
      results.push(outputs.then(({ next }) => next!))
    }
    expect((await Promise.all(results)).map(values => values[3])).toEqual([1, 11, 111, 1111, 11111, 111111, 1111111])
    expect((await program.read('w'))[0]).toBe(1111111)
    await program.dispose()
  })

  it('is seen by what is read behind it, and sees what is written before it', async () => {
    const program = await webgpuEngine.compile(counter())
    const x = Float32Array.of(1, 1, 1, 1)
    const first = await program.begin!({ x })
    const [read] = await Promise.all([program.read('w'), program.write('w', Float32Array.of(5, 5, 5, 5))])
    const second = await program.begin!({ x })
    expect([read[0], (await first.outputs).next![0], (await second.outputs).next![0]]).toEqual([1, 1, 6])
    await program.dispose()
  })

  it('comes to its end where its program is disposed of meanwhile; those behind it are told', async () => {
    const program = await webgpuEngine.compile(counter())
    const x = Float32Array.of(2, 2, 2, 2)
    const begun = [await program.begin!({ x }), await program.begin!({ x })]
    const waiting = program.run({ x })
    waiting.catch(() => {})
    await program.dispose()
    expect((await Promise.all(begun.map(one => one.outputs))).map(({ next }) => next![0])).toEqual([2, 4])
    await expect(waiting).rejects.toThrow('has been disposed of')
    await expect(program.begin!({ x })).rejects.toThrow('has been disposed of')
  })
})
