/**
 * Who may write into a run folder: the one that the queue gave it to last. Each grant has a number that only grows; it
 * stands in the folder's fence.json, and is looked at before every write.
 */
import { mkdir, readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { RegraftError } from '../../base/errors.js'
import { guardWrites, writeJson, writing } from '../../base/files.js'
import { parseJson } from '../../base/json.js'
import { withLock } from '../../base/lock.js'

/** How often the study was enqueued, the epoch that the job goes to, and how often the job was given out: the first that differs decides. */
const token = z.tuple([z.number(), z.number(), z.number()])
export type Token = z.infer<typeof token>

const fenceFile = (run: string) => join(run, 'fence.json')
const content = z.object({ token, host: z.string(), pid: z.number() })

const olderThan = (a: Token, b: Token): boolean => {
  const at = a.findIndex((part, i) => part !== b[i])
  return at >= 0 && a[at]! < b[at]!
}

async function holder(run: string): Promise<z.infer<typeof content> | undefined> {
  const text = await readFile(fenceFile(run), 'utf8').catch(() => '')
  return content.safeParse(parseJson(text)).data
}

const lost = (run: string, to: string) =>
  new RegraftError('run', `${run} was given to another worker (on ${to}); nothing more is written here`)

/**
 * Takes a run folder for a grant: from here on this process may write there until a later grant takes it, and older
 * ones may not.
 * @returns what says whether it is held still, and ends the guard
 * @throws RegraftError('run') where a later grant has it already
 */
export async function takeRun(
  run: string,
  grant: Token,
): Promise<{ readonly check: () => Promise<void>; readonly release: () => void }> {
  await writing(run, () => mkdir(run, { recursive: true }))
  await withLock(join(run, 'fence.lock'), async () => {
    const before = await holder(run)
    if (before && olderThan(grant, before.token)) throw lost(run, before.host)
    await writeJson(fenceFile(run), { token: grant, host: hostname(), pid: process.pid })
  })
  const check = async () => {
    const now = await holder(run)
    if (now && (now.token.some((part, i) => part !== grant[i]) || now.pid !== process.pid)) throw lost(run, now.host)
  }
  return { check, release: guardWrites(run, check) }
}
