/** A study on a queue as people run it: a real Redis, workers that come, go and are killed, and the numbers of one process. */
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { redisHere, type TestRedis, testRedis } from '../dist/bench/redisServer.js'
import {
  base,
  childrenOf,
  endWorkers,
  epochsOf as epochsAt,
  outcome as outcomeAt,
  type Running,
  runsOf as runsAt,
  worker as startWorker,
} from './queueSupport.js'
import { command, regraft, regraftHere, shapeImages, temporaryFolder } from './support.js'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let redis: TestRedis
const at = (...parts: string[]) => join(folder.path, ...parts)
const json = (...parts: string[]) => JSON.parse(readFileSync(at(...parts), 'utf8'))
const study = (...args: string[]) => regraft(['study', ...args], { cwd: folder.path })
const studyHere = (...args: string[]) => regraftHere(['study', ...args], { cwd: folder.path })
const onQueue = (...args: string[]) => study(...args, '--queue', redis.url)

/** A worker on the tests' Redis, unless its arguments name another queue. */
function worker(args: readonly string[] = [], cwd = folder.path): Running {
  return startWorker(redis.url, cwd, args)
}

const outcome = (run: string) => outcomeAt(at(run))
const epochsOf = (name: string, epochs: number) => epochsAt(at(name), epochs)
const runsOf = (name: string) => runsAt(at(name))

describe.skipIf(!redisHere)('a study on a queue (needs redis-server)', () => {
  beforeAll(async () => {
    folder = await temporaryFolder()
    redis = await testRedis()
    await shapeImages(at('images'), 20)
    const vary = 'vary:\n  lr-head: [0.05, 0.02, 1e9]\n  lr-backbone: [0, 0.005]\n'
    await writeFile(at('rates.yaml'), `name: rates\nkind: one-at-a-time\n${base}\n${vary}`)
    const { code } = await studyHere('rates.yaml', 'images', '--run', 'alone')
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
    expect(readFileSync(at('queued/report.md'), 'utf8')).toMatch(/Machine[^\n]*CPU[^\n]*Engine[^\n]*Threads/)
    for (const one of workers) one.process.kill('SIGTERM')
    expect(await Promise.all(workers.map(({ ended }) => ended))).toEqual([0, 0])
    expect(workers.map(one => one.said()).join('')).toMatch(/base_seed0: done, \d/)
  })

  it('goes on where workers hand a trial back before its first step', async () => {
    const followed = onQueue('rates.yaml', 'images', '--run', 'early')
    for (const milliseconds of [150, 400]) {
      const hasty = worker()
      await hasty.saying(/Worker on/)
      await new Promise(done => setTimeout(done, milliseconds))
      hasty.process.kill('SIGINT')
      expect(await hasty.ended).toBe(0)
      expect(hasty.said()).not.toMatch(/AbortError|defect/)
    }
    const last = worker()
    expect((await followed).code).toBe(0)
    for (const run of runsOf('alone')) expect(outcome(`early/${run}`)).toEqual(outcome(`alone/${run}`))
    last.process.kill('SIGTERM')
    expect(await last.ended).toBe(0)
  })

  describe('where parts fail', () => {
    const same = (name: string) => {
      expect(runsOf(name)).toEqual(runsOf('slow'))
      for (const run of runsOf('slow')) expect(outcome(`${name}/${run}`)).toEqual(outcome(`slow/${run}`))
    }
    beforeAll(async () => {
      const vary = 'vary:\n  lr-head: [0.05, 0.02]\n'
      const long = base.replace('epochs: 2', 'epochs: 12, save-every: 0.001s')
      await writeFile(at('slow.yaml'), `name: slow\nkind: grid\n${long}\n${vary}`)
      expect((await studyHere('slow.yaml', 'images', '--run', 'slow')).code).toBe(0)
    })
    afterEach(endWorkers)

    it('goes on from the checkpoint when a worker is killed or handed its trial back', async () => {
      const [first, second] = [worker(), worker()]
      const followed = onQueue('slow.yaml', 'images', '--run', 'killed')
      await epochsOf('killed', 3)
      first.process.kill('SIGKILL')
      second.process.kill('SIGINT')
      expect(await second.ended).toBe(0)
      expect(second.said()).toMatch(/Handed back: .*; it is saved, and another worker goes on with it/)
      const third = worker()
      expect((await followed).code).toBe(0)
      same('killed')
      expect(third.said()).toMatch(/done/)
    })

    it('lets no worker write that was given up for dead', async () => {
      const sleeper = worker()
      const followed = onQueue('slow.yaml', 'images', '--run', 'paused')
      await epochsOf('paused', 3)
      const group = [sleeper.process.pid ?? 0, ...childrenOf(sleeper.process.pid ?? 0)]
      for (const pid of group) process.kill(pid, 'SIGSTOP')
      const heir = worker()
      await heir.saying(/done/)
      const [done] = runsOf('paused')
      const before = readFileSync(at('paused', done ?? '', 'result.json'), 'utf8')
      for (const pid of group) process.kill(pid, 'SIGCONT')
      await sleeper.saying(/Lost: .* was given to another worker.*; nothing more is written here/)
      expect((await followed).code).toBe(0)
      expect(readFileSync(at('paused', done ?? '', 'result.json'), 'utf8')).toBe(before)
      same('paused')
    })

    it('survives Redis being killed, restarted and emptied, and the study itself being killed', async () => {
      worker()
      const killed = regraft(['study', 'slow.yaml', 'images', '--run', 'lost', '--queue', redis.url], {
        cwd: folder.path,
        onOutput: (text, kill) => {
          if (/running/.test(text)) kill('SIGKILL')
        },
      })
      await killed
      const followed = study('--resume', 'lost', '--queue', redis.url)
      await epochsOf('lost', 3)
      await redis.stop('SIGKILL')
      await new Promise(done => setTimeout(done, 1000))
      await redis.start()
      await epochsOf('lost', 6)
      spawnSync('redis-cli', ['-p', String(redis.port), 'flushall'])
      const { code, stderr } = await followed
      expect(stderr).toMatch(/is gone; workers finish what they have[\s\S]*is back[\s\S]*The queue has lost trials/)
      expect(code).toBe(0)
      same('lost')
    })
  })

  it('promotes trials of successive halving as they come in, and records it', async () => {
    const halving = base.replace('epochs: 2', 'epochs: 4').replace('lr-backbone: 0.005', 'lr-backbone: 0')
    await writeFile(
      at('halving.yaml'),
      `name: halved\nkind: halving\ntrials: 4\nreduction: 2\n${halving}\nvary: {lr-head: {log-uniform: [1e-4, 0.1]}}\n`,
    )
    worker(['--concurrency', '2'])
    const { code, stderr } = await onQueue('halving.yaml', 'images')
    expect(stderr).not.toContain('error')
    expect(code).toBe(0)
    const runs = json('runs/halved/study.json').cells.map(
      ({ runs }: { runs: { state: string; epochs: number }[] }) => runs[0],
    )
    expect(runs.filter(({ state }: { state: string }) => state === 'stopped').length).toBeGreaterThan(0)
    expect(runs.find(({ state }: { state: string }) => state === 'done').epochs).toBe(4)
    const promotions = readFileSync(at('runs/halved/halving.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    for (const { from, until, reached } of promotions) {
      expect(until).toBe(2 * from)
      expect(reached).toBeGreaterThanOrEqual(2)
    }
    await endWorkers()
  })

  it('refuses in words what it may not or cannot work on', async () => {
    await writeFile(
      at('tall.yaml'),
      `name: tall\nkind: grid\n${base.replace('threads: 1', 'threads: 300')}\nvary: {lr-head: [0.05]}\n`,
    )
    const follower = spawn(process.execPath, [command, 'study', 'tall.yaml', 'images', '--queue', redis.url], {
      cwd: folder.path,
      stdio: 'ignore',
    })
    const elsewhere = at('elsewhere')
    await mkdir(elsewhere)
    const [narrow, strange, small] = [
      worker(['--allow', elsewhere]),
      worker(['--mount', `${at('images')}=${at('others')}`]),
      worker(),
    ]
    await narrow.saying(
      /Refused: study tall: the study's folder, .*runs.tall, is not below a folder that this worker may use \(.*elsewhere\); to allow it: --allow/,
    )
    await strange.saying(/Refused: study tall: its images, .*others, is not here; where this machine has it/)
    await small.saying(/Study tall: left to others are trials that need 300 cores for a trial \(it has \d+\)/)
    await shapeImages(at('others'), 19)
    const other = worker(['--mount', `${at('images')}=${at('others')}`])
    await other.saying(/others holds other images than the study's: there are 57 images .*; the study has 60 images/)
    const { stdout } = await studyHere('--status', '--queue', redis.url)
    expect(stdout).toMatch(/tall: 1 waiting, 0 running/)
    expect(stdout).toMatch(/refuses tall: its trials need more than this worker has/)
    expect(stdout).toMatch(/1 wait for a worker that has 300 cores for a trial/)
    follower.kill('SIGKILL')
    await endWorkers()
    spawnSync('redis-cli', ['-p', String(redis.port), 'flushall'])
  })

  it('opens no file for a trial that its worker was not allowed, whoever wrote the job', async () => {
    await mkdir(at('elsewhere'), { recursive: true })
    await writeFile(at('elsewhere', 'secret.pth'), 'nobody asked for this')
    await writeFile(at('vary.yaml'), `name: vary\nkind: grid\n${base}\nvary:\n  weights: [elsewhere/secret.pth]\n`)
    const allowed = ['--allow', at('images'), '--allow', at('runs')]
    const one = worker(allowed)
    const followed = onQueue('vary.yaml', 'images')
    await one.saying(/Handed back: .*: its weights, .*secret.pth, are not below a folder that this worker may use/)
    await studyHere('vary', '--withdraw', '--queue', redis.url)
    expect((await followed).stderr).toMatch(/was withdrawn/)
    await endWorkers()
  })

  it('shows no password anywhere', async () => {
    const secret = 'hunter2hunter2'
    await writeFile(at('one.yaml'), `name: one\nkind: grid\n${base}\nvary: {lr-head: [0.05]}\n`)
    const closed = await testRedis(['--requirepass', secret])
    try {
      const refused = await studyHere('one.yaml', 'images', '--run', 'safe', '--queue', closed.url)
      expect(refused.stderr).toMatch(
        /error: the queue redis:\/\/127.0.0.1:\d+ refuses \(NOAUTH\); set REGRAFT_QUEUE_PASSWORD/,
      )
      const address = closed.url.replace('redis://', `redis://:${secret}@`)
      const child = startWorker(address, folder.path)
      const { code, stdout, stderr } = await study('one.yaml', 'images', '--run', 'safe', '--queue', address)
      expect(code).toBe(0)
      child.process.kill('SIGINT')
      await child.ended
      expect(stdout + stderr + child.said()).not.toContain(secret)
      expect(spawnSync('grep', ['-rl', secret, at('safe')]).stdout.toString()).toBe('')
    } finally {
      await closed.remove()
    }
  })

  it.each([
    [
      ['worker', '--queue', 'localhost:6379'],
      2,
      /--queue localhost:6379: expected an address like redis:\/\/localhost:6379/,
    ],
    [
      ['worker', '--queue', 'redis://127.0.0.1:1'],
      5,
      /the queue redis:\/\/127.0.0.1:1 cannot be reached \(ECONNREFUSED\)/,
    ],
    [['worker', '--queue', 'redis://x', '--mount', 'photos'], 2, /--mount photos: expected FROM=TO/],
    [['study', '--status'], 2, /--status shows a queue: add --queue/],
  ] as const)('%s', async (args, code, message) => {
    const ended = await regraftHere(args, { cwd: folder.path })
    expect(ended.stderr).toMatch(message)
    expect(ended.code).toBe(code)
  })
})
