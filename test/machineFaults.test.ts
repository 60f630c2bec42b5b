/** A study on a queue where something ends for good: a process that hangs or dies again and again, Redis with all that it held, the study itself; and one behind TLS. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { redisHere, type TestRedis, testRedis } from '../dist/bench/redisServer.js'
import { base, childrenOf, endWorkers, epochsIn, epochsOf, outcome, runsOf, worker } from './queueSupport.js'
import { regraft, regraftHere, shapeImages, temporaryFolder } from './support.js'

describe.skipIf(!redisHere)('a study on a queue, where something ends for good (needs redis-server)', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let redis: TestRedis
  const at = (...parts: string[]) => join(folder.path, ...parts)
  const study = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    regraft(['study', ...args], { cwd: folder.path, env })
  const studyHere = (...args: string[]) => regraftHere(['study', ...args], { cwd: folder.path })
  const onQueue = (...args: string[]) => study([...args, '--queue', redis.url])
  const here = (...args: string[]) => worker(redis.url, folder.path, args)
  const same = (name: string) => {
    expect(runsOf(at(name))).toEqual(runsOf(at('alone')))
    for (const run of runsOf(at('alone'))) expect(outcome(at(name, run))).toEqual(outcome(at('alone', run)))
  }
  /** The process that trains for a worker, as soon as there is one that is not among those before. */
  const trainer = async (pid: number, before: readonly number[] = []) => {
    for (let i = 0; i < 600; i++) {
      const [found] = childrenOf(pid, 'trialProcess').filter(child => !before.includes(child))
      if (found !== undefined) return found
      await new Promise(done => setTimeout(done, 20))
    }
    throw new Error('no process trains')
  }

  beforeAll(async () => {
    folder = await temporaryFolder()
    redis = await testRedis()
    await shapeImages(at('images'), 20)
    const long = base.replace('epochs: 2', 'epochs: 6, save-every: 0.001s')
    await writeFile(at('two.yaml'), `name: two\nkind: grid\n${long}\nvary:\n  lr-head: [0.05, 0.02]\n`)
    expect((await studyHere('two.yaml', 'images', '--run', 'alone')).code).toBe(0)
  })
  afterEach(endWorkers)
  afterAll(async () => {
    await redis.remove()
    await folder.remove()
  })

  it('ends a process that makes no progress, and goes on from its checkpoint', async () => {
    const one = here('--silence', '10')
    const followed = onQueue('two.yaml', 'images', '--run', 'hung')
    await epochsOf(at('hung'), 2)
    process.kill(await trainer(one.process.pid ?? 0), 'SIGSTOP')
    await one.saying(/Handed back: .*: its process made no progress for 10.0 s/)
    expect((await followed).code).toBe(0)
    same('hung')
  })

  it('gives up a trial whose process dies three times, with its reason, and goes on with the others', async () => {
    const one = here()
    const followed = onQueue('two.yaml', 'images', '--run', 'dying')
    const killed: number[] = []
    // Handed back it waits behind the other: of five deaths one trial has three, and the other at most two
    for (let i = 0; i < 5; i++) {
      const pid = await trainer(one.process.pid ?? 0, killed)
      killed.push(pid)
      process.kill(pid, 'SIGKILL')
    }
    const { code, stdout } = await followed
    expect(code).toBe(0)
    expect(stdout).toMatch(/failed: .*its process was ended by SIGKILL.*so it went 3 times/)
    expect(runsOf(at('dying'))).toHaveLength(1)
  })

  it('keeps what was trained when Redis is gone with all that it held, and goes on in another', async () => {
    const first = await testRedis()
    const one = worker(first.url, folder.path)
    let stopFollowing: (signal: NodeJS.Signals) => void = () => {}
    const followed = regraft(['study', 'two.yaml', 'images', '--run', 'moved', '--queue', first.url], {
      cwd: folder.path,
      onOutput: (_, kill) => {
        stopFollowing = kill
      },
    })
    await epochsOf(at('moved'), 2)
    await first.remove()
    await one.saying(/The queue redis:.* does not answer; .* is kept in .*, where its study finds it/)
    stopFollowing('SIGINT')
    const { code, stderr } = await followed
    expect(code).toBe(130)
    expect(stderr).toMatch(/The queue .* is gone; workers finish what they have/)
    one.process.kill('SIGINT')
    expect(await one.ended).toBe(0)
    expect(runsOf(at('moved'))).toHaveLength(1)
    here()
    expect((await study(['--resume', 'moved', '--queue', redis.url])).code).toBe(0)
    same('moved')
  })

  it('takes a study out of the queue, keeps what was trained, and goes on with it when it is asked to', async () => {
    const long = readFileSync(at('two.yaml'), 'utf8').replace('epochs: 6', 'epochs: 500').replace('two', 'long')
    await writeFile(at('long.yaml'), long)
    const one = here()
    const followed = onQueue('long.yaml', 'images', '--run', 'taken')
    await epochsOf(at('taken'), 2)
    const wrong = await studyHere('lnog', '--withdraw', '--queue', redis.url)
    expect(wrong.stderr).toMatch(/no study lnog stands in the queue; did you mean 'long'\?/)
    expect(wrong.code).toBe(2)
    const { code, stdout } = await studyHere('long', '--withdraw', '--queue', redis.url)
    expect(stdout).toMatch(/long is out of the queue: 2 trials waited or ran/)
    expect(code).toBe(0)
    const left = await followed
    expect(left.stderr).toMatch(/the study was withdrawn from the queue; what was trained is kept in taken/)
    expect(left.code).not.toBe(0)
    await one.saying(/Lost: .* or its study was withdrawn; nothing more is written here/)
    expect((await studyHere('--status', '--queue', redis.url)).stdout).toMatch(/No study stands in the queue/)
    const before = epochsIn(at('taken'))
    const resumed = regraft(['study', '--resume', 'taken', '--queue', redis.url], { cwd: folder.path })
    await epochsOf(at('taken'), before + 1)
    await studyHere('long', '--withdraw', '--queue', redis.url)
    expect((await resumed).stderr).toMatch(/withdrawn/)
  })

  it("speaks TLS with a certificate of one's own authority, and shows its password nowhere", async () => {
    const [key, certificate, secret] = [at('key.pem'), at('certificate.pem'), 'correct-horse-battery']
    const made = spawnSync('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
      ...['-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', certificate],
    ])
    expect(made.status, made.stderr?.toString()).toBe(0)
    const closed = await testRedis(
      ['--user', 'default', 'off', '--user', 'ada', 'on', `>${secret}`, '~*', '&*', '+@all'],
      {
        certificate,
        key,
      },
    )
    try {
      const asked = ['two.yaml', 'images', '--run', 'secret', '--queue', closed.url]
      const known = { REGRAFT_QUEUE_USER: 'ada', REGRAFT_QUEUE_PASSWORD: secret }
      const unknown = await study(asked, known)
      expect(unknown.stderr).toMatch(/cannot be reached \(.*SELF_SIGNED.*NODE_EXTRA_CA_CERTS/)
      const env = { ...known, NODE_EXTRA_CA_CERTS: certificate }
      const one = worker(closed.url, folder.path, [], env)
      const { code, stdout, stderr } = await study(asked, env)
      expect(stderr).not.toContain('error')
      expect(code).toBe(0)
      expect(stdout + stderr + one.said()).not.toContain(secret)
      expect(readFileSync(at('secret', 'study.json'), 'utf8')).not.toContain('ada')
      expect(spawnSync('grep', ['-rl', secret, at('secret')]).stdout.toString()).toBe('')
      same('secret')
    } finally {
      await closed.remove()
    }
  })
})
