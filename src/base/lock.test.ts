/** A lock is held by one at a time, outlives slow work, and does not outlive its holder. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from './folder.testing.js'
import { withLock } from './lock.js'

const inFolder = temporaryFolder()

describe('withLock', () => {
  it('lets one work at a time, gives back its result, and leaves nothing', async () => {
    const path = inFolder('one.lock')
    let inside = 0
    const work = async () => {
      inside++
      await sleep(20)
      return inside--
    }
    expect(await Promise.all([1, 2, 3].map(() => withLock(path, work)))).toEqual([1, 1, 1])
    expect(existsSync(path)).toBe(false)
  })

  it('may be refused at once instead of waited for, by a holder that lives', async () => {
    const path = inFolder('refused.lock')
    const held = withLock(path, () => sleep(1000, 'held'), undefined, 600)
    await expect(withLock(path, async () => {}, undefined, 600, new Error('held'))).rejects.toThrow('held')
    expect(await held).toBe('held')
    expect(await withLock(path, async () => 'free', undefined, 600, new Error('held'))).toBe('free')
  })

  it('is given back after a failure', async () => {
    const path = inFolder('failure.lock')
    await expect(withLock(path, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(existsSync(path)).toBe(false)
  })

  it('is kept through work that takes longer than a lock may go untouched', async () => {
    const path = inFolder('slow.lock')
    const order: string[] = []
    const slow = withLock(path, async () => order.push(String(await sleep(1500, 'slow'))), undefined, 600)
    await sleep(50)
    await withLock(path, async () => order.push('waiting'), undefined, 600)
    await slow
    expect(order).toEqual(['slow', 'waiting'])
  })

  it('is taken over from another machine’s process that no longer touches it, by one waiter only', async () => {
    const path = inFolder('stale.lock')
    writeFileSync(path, '1 another-machine token\n')
    let inside = 0
    const work = async () => {
      inside++
      expect(readFileSync(path, 'utf8')).not.toContain('another-machine')
      await sleep(300)
      return inside--
    }
    const started = performance.now()
    expect(await Promise.all([1, 2, 3].map(() => withLock(path, work, undefined, 600)))).toEqual([1, 1, 1])
    expect(performance.now() - started).toBeGreaterThan(600)
  })

  it('stops waiting when told to', async () => {
    const path = inFolder('held.lock')
    const held = withLock(path, () => sleep(400))
    await sleep(20)
    await expect(withLock(path, async () => {}, AbortSignal.timeout(50))).rejects.toThrow()
    await held
  })
})
