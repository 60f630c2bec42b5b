/** A study on a queue as people run it: a real Redis, workers that come, go and are killed, and the numbers of one process. */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { redisHere, type TestRedis, testRedis } from './redis.js'
import { command, regraft, shapeImages, temporaryFolder } from './support.js'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let redis: TestRedis
const at = (...parts: string[]) => join(folder.path, ...parts)
const json = (...parts: string[]) => JSON.parse(readFileSync(at(...parts), 'utf8'))
const study = (...args: string[]) => regraft(['study', ...args], { cwd: folder.path })
const onQueue = (...args: string[]) => study(...args, '--queue', redis.url)

const base =
  'base: {network: resnet18-narrow, size: 32, batch-size: 8, augment: none, epochs: 2, lr-backbone: 0.005, lr-head: 0.05, threads: 1}'

interface Running {
  readonly process: ReturnType<typeof spawn>
  said(): string
  readonly ended: Promise<number | null>
  saying(text: RegExp): Promise<void>
}

const started: Running[] = []

/** A worker that goes on until it is ended. */
function worker(args: readonly string[] = [], cwd = folder.path): Running {
  const child = spawn(process.execPath, [command, 'worker', '--queue', redis.url, '--lock', '2', ...args], {
    cwd,
    env: { ...process.env, NO_COLOR: '1' },
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', chunk => {
      text += String(chunk)
    })
  const ended = new Promise<number | null>(done => child.on('close', code => done(code)))
  const saying = async (pattern: RegExp) => {
    for (let i = 0; !pattern.test(text); i++) {
      if (i > 600 || child.exitCode !== null) throw new Error(`never said ${pattern}:\n${text}`)
      await new Promise(done => setTimeout(done, 100))
    }
  }
  const running = { process: child, said: () => text, ended, saying }
  started.push(running)
  return running
}

async function endWorkers(): Promise<void> {
  for (const one of started.splice(0)) {
    one.process.kill('SIGKILL')
    await one.ended
  }
}

/** What a run leaves, without what depends on the clock. */
const outcome = (run: string) => [
  readFileSync(at(run, 'metrics.jsonl'), 'utf8').replace(/"(seconds|imagesPerSecond)":[^,]+,/g, ''),
  readFileSync(at(run, 'model', 'model.safetensors')).toString('base64'),
]
const runsOf = (name: string) => readdirSync(at(name)).filter(run => existsSync(at(name, run, 'result.json')))

describe.skipIf(!redisHere)('a study on a queue (needs redis-server)', () => {
  beforeAll(async () => {
    folder = await temporaryFolder()
    redis = await testRedis()
    await shapeImages(at('images'), 20)
    const vary = 'vary:\n  lr-head: [0.05, 0.02, 1e9]\n  lr-backbone: [0, 0.005]\n'
    await writeFile(at('rates.yaml'), `name: rates\nkind: one-at-a-time\n${base}\n${vary}`)
    const { code } = await study('rates.yaml', 'images', '--run', 'alone')
    expect(code).toBe(0)
  })
  afterAll(async () => {
    await endWorkers()
    await redis.remove()
    await folder.remove()
  })

  it('comes to the same numbers as in one process, bit for bit, and says who trained what', async () => {
    const workers = [worker(), worker()]
    const { code, stdout, stderr } = await onQueue('rates.yaml', 'images', '--run', 'queued')
    expect(stderr).not.toContain('error')
    expect(code).toBe(0)
    expect(runsOf('queued')).toEqual(runsOf('alone'))
    for (const run of runsOf('alone')) expect(outcome(`queued/${run}`)).toEqual(outcome(`alone/${run}`))
    expect(stdout).toMatch(/failed: lr-head 1000000000, seed 0: the loss became (NaN|Infinity)/)
    const { cells } = json('queued/study.json')
    const states = cells.map(({ runs }: { runs: { state: string }[] }) => runs[0]?.state)
    expect(states.sort()).toEqual(['done', 'done', 'done', 'failed'])
    expect(cells[0].runs[0].machines).toHaveLength(1)
    for (const one of workers) one.process.kill('SIGTERM')
    expect(await Promise.all(workers.map(({ ended }) => ended))).toEqual([0, 0])
    expect(workers.map(one => one.said()).join('')).toMatch(/base_seed0: done, \d/)
  })
})
