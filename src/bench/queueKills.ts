/** A study on a queue whose workers are killed at random moments again and again, and Redis twice: every trial is done once, with the numbers of one process. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { randomStream } from '../base/random.js'
import { demoShapes } from '../examples/pictogramShapes.js'
import { drawPictograms } from '../examples/pictograms.js'
import { testRedis } from './redisServer.js'

const command = fileURLToPath(new URL('../cli/main.js', import.meta.url))

export interface QueueKills {
  readonly kills: number
  readonly seed: number
  readonly workers: number
  readonly trials: number
}

const study = (trials: number) => `name: killed
kind: random
trials: ${trials}
base: {network: resnet18-narrow, size: 48, batch-size: 8, epochs: 6, ema: 0.9, save-every: 0.5s, threads: 1}
vary:
  lr-head: {log-uniform: [0.001, 0.1]}
  lr-backbone: {log-uniform: [0.0001, 0.01]}
`

/** What a run leaves, without what depends on the clock. */
function outcome(run: string): string {
  const metrics = readFileSync(join(run, 'metrics.jsonl'), 'utf8').replace(/"(seconds|imagesPerSecond)":[^,]+,/g, '')
  return metrics + readFileSync(join(run, 'model', 'model.safetensors')).toString('base64')
}

const finished = (folder: string): string[] =>
  readdirSync(folder).filter(run => existsSync(join(folder, run, 'result.json')))

const lines = (file: string): number => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').length : 0)

/** @throws Error where a trial is missing, is done twice, or differs */
export async function killWorkers({ kills, seed, workers, trials }: QueueKills): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'regraft-kills-'))
  const random = randomStream(seed, 'queue-kills')
  const redis = await testRedis()
  const say = (line: string) => process.stdout.write(`${line}\n`)
  const living = new Map<number, ChildProcess>()
  const start = (args: readonly string[]) => {
    const child = spawn(process.execPath, [command, ...args], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    return child
  }
  let over = false
  const startWorker = (place: number) => {
    const child = start(['worker', '--queue', redis.url, '--lock', '2', '--threads', '1'])
    child.stdout.on('data', chunk => {
      for (const line of String(chunk).split('\n')) if (/^Lost|^Handed/.test(line)) say(`  worker ${place}: ${line}`)
    })
    living.set(place, child)
    child.on('exit', () => {
      if (living.get(place) === child && !over) startWorker(place)
    })
  }
  /** With the process that trains for it, or without: then that one saves what it can, and ends. */
  const kill = (child: ChildProcess | undefined, whole: boolean) => {
    if (child?.pid === undefined || child.exitCode !== null) return
    try {
      process.kill(whole ? -child.pid : child.pid, 'SIGKILL')
    } catch {
      // It has just ended
    }
  }
  try {
    await drawPictograms(join(folder, 'images'), { shapes: demoShapes, imagesPerClass: 20, size: 64, seed: 1 })
    await writeFile(join(folder, 'study.yaml'), study(trials))
    const run = async (...args: string[]) => {
      const child = start(['study', 'study.yaml', 'images', ...args])
      let text = ''
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', chunk => {
          text += String(chunk)
        })
      const code = await new Promise(done => child.on('close', done))
      if (code !== 0) throw new Error(text)
      return text
    }
    const began = performance.now()
    const seconds = () => ((performance.now() - began) / 1000).toFixed(0)
    await run('--run', 'alone')
    say(`${trials} trials in one process: ${seconds()} s`)
    for (let place = 0; place < workers; place++) startWorker(place)
    const queued = run('--run', 'queued', '--queue', redis.url).finally(() => {
      over = true
    })
    queued.catch(() => {})
    let killed = 0
    let restarts = 0
    while (!over) {
      await sleep(300 + 2200 * random.next())
      if (over) break
      if (killed < kills) {
        kill(living.get(Math.floor(random.next() * workers)), random.next() < 0.5)
        killed++
      }
      const done = existsSync(join(folder, 'queued')) ? finished(join(folder, 'queued')).length : 0
      if (restarts < 2 && done >= ((restarts + 1) * trials) / 3) {
        await redis.stop(restarts === 0 ? 'SIGKILL' : 'SIGTERM')
        await sleep(1000)
        await redis.start()
        restarts++
        say(`  Redis restarted with ${done} trials done, after ${killed} kills`)
      }
    }
    const text = await queued
    const runs = finished(join(folder, 'alone'))
    if (runs.length !== trials) throw new Error(`only ${runs.length} trials in one process`)
    if (finished(join(folder, 'queued')).join() !== runs.join()) throw new Error('not the same trials')
    const epochs = new Set<number>()
    let sittings = 0
    for (const one of runs) {
      if (outcome(join(folder, 'queued', one)) !== outcome(join(folder, 'alone', one)))
        throw new Error(`${one} differs from the run in one process`)
      epochs.add(lines(join(folder, 'queued', one, 'metrics.jsonl')))
      sittings += lines(join(folder, 'queued', one, 'machines.jsonl'))
    }
    if ([...epochs].join() !== '6') throw new Error('epochs were booked twice')
    for (const line of text.split('\n')) if (/^The queue/.test(line)) say(`  study: ${line}`)
    say(
      `${trials} trials, ${workers} workers: ${killed} kills at random moments, Redis restarted ${restarts} times, ${sittings} sittings, ${seconds()} s in all: every trial done once, the same metrics and weights as in one process, bit for bit`,
    )
  } finally {
    over = true
    for (const child of living.values()) kill(child, true)
    await redis.remove()
    await rm(folder, { recursive: true, force: true })
  }
}
