/** A lock between processes: a file that only one can create, kept fresh while it is held. */
import { randomUUID } from 'node:crypto'
import { open, readFile, rm, stat, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { writing } from './files.js'

/**
 * Runs `work` while no other process holds the lock; waits for one that does, and takes over from one that died.
 * @param staleAfter milliseconds: a holder that has not touched its lock for so long is dead
 * @param refusal thrown, instead of waiting on, as soon as a holder is seen to be alive
 * @throws RegraftError('run') where the lock cannot be written
 */
export async function withLock<T>(
  path: string,
  work: () => Promise<T>,
  signal?: AbortSignal,
  staleAfter = 30_000,
  refusal?: Error,
): Promise<T> {
  const own = `${process.pid} ${hostname()} ${randomUUID()}\n`
  let seen = ''
  let since = 0
  while (!(await writing(path, () => create(path, own)))) {
    signal?.throwIfAborted()
    const holder = await look(path)
    if (holder.state !== seen) {
      // A number of a process may have gone to another one since: only a lock that is touched is held.
      if (refusal && seen !== '' && holder.state !== '') throw refusal
      seen = holder.state
      since = performance.now()
    }
    // Its age is counted by this machine's own clock: the one that dates a network folder's files may be off.
    if (holder.dead || performance.now() - since > staleAfter) await takeAway(path, holder.state, staleAfter)
    else await sleep(200, undefined, signal ? { signal } : {})
  }
  const touch = setInterval(() => {
    const now = new Date()
    utimes(path, now, now).catch(() => {})
  }, staleAfter / 6)
  try {
    return await work()
  } finally {
    clearInterval(touch)
    if ((await readFile(path, 'utf8').catch(() => '')) === own) await rm(path, { force: true })
  }
}

async function create(path: string, text: string): Promise<boolean> {
  const file = await open(path, 'wx').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  if (!file) return false
  try {
    await file.writeFile(text)
  } finally {
    await file.close()
  }
  return true
}

/** What is known of the holder: a state that changes while it lives, and whether it surely does not. */
async function look(path: string): Promise<{ readonly state: string; readonly dead: boolean }> {
  const text = await readFile(path, 'utf8').catch(() => '')
  const touched = await stat(path).then(
    ({ mtimeMs }) => String(mtimeMs),
    () => '',
  )
  const [pid, host] = text.trim().split(' ')
  return { state: `${text}${touched}`, dead: host === hostname() && !isRunning(Number(pid)) }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Removes a dead holder's lock. Only one waiter does so at a time, and only if the lock is still the one it saw. */
async function takeAway(path: string, state: string, staleAfter: number): Promise<void> {
  const breaker = `${path}.break`
  if (!(await create(breaker, ''))) {
    const age = await stat(breaker).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    )
    if (age > staleAfter) await rm(breaker, { force: true })
    await sleep(50)
    return
  }
  try {
    if ((await look(path)).state === state) await rm(path, { force: true })
  } finally {
    await rm(breaker, { force: true })
  }
}
