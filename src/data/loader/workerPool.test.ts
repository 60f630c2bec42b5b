import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'

/** Closes a pool whose workers are about to answer; whoever waits for that has to hear of it. */
const program = `
import { createWorkerPool } from ${JSON.stringify(new URL('./workerPool.js', import.meta.url).href)}
const script = new URL('data:text/javascript,' + encodeURIComponent(
  "import { parentPort } from 'node:worker_threads'; parentPort.on('message', job => parentPort.postMessage(job))"))
const pool = createWorkerPool(script, 2, undefined)
for (const n of [1, 2]) pool.run(n).catch(() => {})
await new Promise(resolve => setTimeout(resolve, 200))
for (const n of [1, 2]) pool.run(n).catch(() => {})
// Both answers are there, but not yet heard of, when the pool is closed.
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
await pool.close()
console.log('closed')
`

describe('a pool of workers', () => {
  it('keeps the process alive until it is closed, though its workers answer while they are ended', () => {
    for (let i = 0; i < 5; i++)
      expect(execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })).toBe(
        'closed\n',
      )
  })
})
