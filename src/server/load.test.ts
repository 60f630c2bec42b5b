/** Thirty-two clients at once: each gets its answer, runs of the engine are shared, and memory stays where it was. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../base/folder.testing.js'
import { putLoad } from '../bench/clients.js'
import { jpeg, modelFolder } from './server.testing.js'

const at = temporaryFolder()
const main = fileURLToPath(new URL('../cli/main.js', import.meta.url))
let url: string
let said = ''
const server = { process: undefined as ReturnType<typeof spawn> | undefined }
beforeAll(async () => {
  const run = await modelFolder(at('run'))
  const child = spawn(process.execPath, [main, 'serve', run, '--port', '0', '--no-dashboard'])
  server.process = child
  child.stderr.on('data', text => {
    said += String(text)
  })
  url = await new Promise((resolve, reject) => {
    child.stdout.on('data', text => {
      said += String(text)
      const found = /Listening: (http:\S+);/.exec(said)
      if (found) resolve(found[1]!)
    })
    child.on('exit', () => reject(new Error(said)))
  })
})
afterAll(() => {
  server.process?.kill('SIGKILL')
})

/** Resident megabytes, where the system says so. */
const memory = () =>
  process.platform === 'linux'
    ? Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.process?.pid}/status`, 'utf8'))?.[1]) / 1024
    : 0

describe('regraft serve under load', () => {
  it('answers everybody, and does not grow', async () => {
    const images = await Promise.all(Array.from({ length: 32 }, (_, i) => jpeg(i, 300, 200)))
    // Until it has what it needs: on a busy machine that takes longer
    for (let [round, last] = [0, 0]; round < 6 && memory() > last + 10; round++) {
      last = memory()
      await putLoad(url, images, 32, 2)
    }
    const before = memory()
    const load = await putLoad(url, images, 32, 4)
    expect([...load.others]).toEqual([])
    expect(load.answered).toBeGreaterThan(32)
    console.log(
      `${Math.round(load.answered / load.seconds)} answers/s, half within ${load.percentile(0.5).toFixed(0)} ms, 99 % within ${load.percentile(0.99).toFixed(0)} ms, ${Math.round(before)} to ${Math.round(memory())} MB`,
    )
    // A request's own memory, kept, would be 80 kB a request at least
    expect(memory() - before).toBeLessThan(Math.max(60, 0.04 * load.answered))
    const measures = await (await fetch(`${url}/metrics`)).text()
    const measure = (name: string) => Number(new RegExp(`^${name} (\\d+)`, 'm').exec(measures)![1])
    expect(measure('regraft_batch_images_sum') / measure('regraft_batch_images_count')).toBeGreaterThan(4)
  })

  it('answers what was asked when it is ended, and exits with 0', async () => {
    const images = [await jpeg(0, 300, 200)]
    const ended = once(server.process!, 'exit')
    const load = putLoad(url, images, 8, 1)
    setTimeout(() => server.process?.kill('SIGTERM'), 500)
    const { answered, others } = await load
    expect(answered).toBeGreaterThan(8)
    // After the end nobody answers; before it, everybody has had an answer
    expect([...others.keys()].filter(status => status !== 0)).toEqual([])
    expect(await ended).toEqual([0, null])
    expect(said).toContain('Stopped; every request that was taken has its answer.')
    expect(said).not.toContain('defect')
  })
})
