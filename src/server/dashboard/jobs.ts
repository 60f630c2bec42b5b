/** Starts runs and stops them: training is a process of its own, which goes on whatever becomes of the page. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type { RunSummary } from '../../training/index.js'
import { Refusal } from '../refusal.js'
import { type RunStore, reached, stateOf } from './runStore.js'

/** A run like another, with other settings. The images are those of that run: a page names no folders. */
export const startBody = z.strictObject({
  from: z.string(),
  name: z
    .string()
    .max(100)
    .regex(/^[\p{L}\p{N}][\p{L}\p{N}._-]*$/u, 'a name has letters, digits, dots and dashes'),
  epochs: z.int().min(1).max(10_000).optional(),
  lrBackbone: z.number().min(0).max(100).optional(),
  lrHead: z.number().min(0).max(100).optional(),
  seed: z.int().min(0).optional(),
})

const script = fileURLToPath(new URL('./trainJob.js', import.meta.url))
/** Processes that were started and have not ended. */
const MOST_JOBS = 4

export function createJobs(store: RunStore) {
  let started = 0
  const starting = new Set<string>()
  return {
    start: async (body: z.infer<typeof startBody>): Promise<string> => {
      const { from, name, ...changes } = body
      const like = await store.run(from)
      if (!like) throw new Refusal(404, 'there is no run of that name')
      const folder = join(store.folder, name)
      if (existsSync(folder) || starting.has(name))
        throw new Refusal(409, `${name} is there already; take another name`)
      if (started >= MOST_JOBS) throw new Refusal(503, 'enough runs are training; wait for one, or stop it', 30)
      // Counted before it is waited for: others may ask meanwhile
      started++
      starting.add(name)
      try {
        await spawned(like, reached(store.folder, like.config.data), { ...changes, run: folder }, () => started--)
      } finally {
        starting.delete(name)
        // A page goes there at once
        store.renew()
      }
      return name
    },
    /** As Ctrl-C does: it saves, and can be resumed. */
    stop: async (id: string): Promise<void> => {
      const summary = await store.run(id)
      if (!summary) throw new Refusal(404, 'there is no run of that name')
      const { process: pid } = await stateOf(summary)
      if (pid === undefined || pid === process.pid) throw new Refusal(409, 'it is not training on this machine')
      process.kill(pid, 'SIGINT')
    },
  }
}

/** Resolves once the run's folder is there. @throws Refusal with what the process said where it ended before */
function spawned(like: RunSummary, data: string, changes: object, ended: () => void): Promise<void> {
  const job = { data, options: { ...like.config.options, ...changes } }
  const child = spawn(process.execPath, [script], { detached: true, stdio: ['pipe', 'ignore', 'pipe'] })
  // It may end before it has read
  child.stdin.on('error', () => {})
  child.stdin.end(JSON.stringify(job))
  let said = ''
  child.stderr.on('data', chunk => {
    if (said.length < 2000) said += chunk
  })
  const { run } = job.options as { run: string }
  return new Promise((resolve, reject) => {
    const look = setInterval(() => {
      if (!existsSync(join(run, 'config.json'))) return
      clearInterval(look)
      // It goes on when the server ends, which does not wait for it
      child.unref()
      ;(child.stderr as Socket).unref()
      resolve()
    }, 200)
    child.on('error', error => {
      clearInterval(look)
      ended()
      reject(error)
    })
    child.on('exit', () => {
      clearInterval(look)
      ended()
      reject(new Refusal(409, said.trim() || 'the run could not be started'))
    })
  })
}
