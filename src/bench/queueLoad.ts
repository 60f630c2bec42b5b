/** What the queue itself costs: thousands of trials that do nothing, a hundred workers in a few processes, a study that enqueues, follows and reports. */
import { fork, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { Redis } from 'ioredis'
import { bytes } from '../base/bytes.js'
import { demoShapes } from '../examples/pictogramShapes.js'
import { drawPictograms } from '../examples/pictograms.js'
import { testRedis } from './redisServer.js'

const command = fileURLToPath(new URL('../cli/main.js', import.meta.url))
const workersEntry = fileURLToPath(new URL('./queueWorkers.js', import.meta.url))

interface Load {
  readonly trials: number
  readonly workers: number
  readonly processes: number
}

const say = (line: string) => process.stdout.write(`${line}\n`)

async function counters(redis: Redis) {
  const text = `${await redis.info('stats')}${await redis.info('commandstats')}${await redis.info('memory')}`
  const number = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? 0)
  return {
    scripts: number(/cmdstat_evalsha:calls=(\d+)/),
    reads: number(/cmdstat_xread:calls=(\d+)/),
    received: number(/total_net_input_bytes:(\d+)/),
    sent: number(/total_net_output_bytes:(\d+)/),
    peak: number(/used_memory_peak:(\d+)/),
  }
}

/** Resident bytes of a process now; 0 where it has gone. */
function resident(pid: number): number {
  try {
    return 1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}

async function main({ trials, workers, processes }: Load): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'regraft-load-'))
  const server = await testRedis()
  const redis = new Redis(server.port, '127.0.0.1')
  const children = Array.from({ length: processes }, () =>
    fork(workersEntry, [server.url, folder, String(Math.ceil(workers / processes))]),
  )
  try {
    await drawPictograms(join(folder, 'images'), { shapes: demoShapes, imagesPerClass: 5, size: 32, seed: 1 })
    await writeFile(
      join(folder, 'study.yaml'),
      `name: load\nkind: random\ntrials: ${trials}\nbase: {network: resnet18-narrow, weights: none, size: 32, threads: 1}\nvary:\n  lr-head: {uniform: [0.001, 0.1]}\n  lr-backbone: {uniform: [0.001, 0.1]}\n`,
    )
    while ((await redis.scard('regraft:workers')) < workers) await new Promise(done => setTimeout(done, 100))
    const before = await counters(redis)
    const began = performance.now()
    const seconds = () => (performance.now() - began) / 1000
    const child = spawn(process.execPath, [command, 'study', 'study.yaml', 'images', '--queue', server.url], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let errors = ''
    let reported = 0
    child.stdout.on('data', chunk => {
      if (reported === 0 && /Study /.test(String(chunk))) reported = seconds()
    })
    child.stderr.on('data', chunk => {
      errors = (errors + String(chunk)).slice(-2000)
    })
    const memory: number[] = []
    const watch = setInterval(() => memory.push(resident(child.pid ?? 0)), 1000)
    const code = await new Promise(done => child.on('close', done))
    clearInterval(watch)
    if (code !== 0) throw new Error(errors)
    const all = seconds()
    const after = await counters(redis)
    const record = JSON.parse(await readFile(join(folder, 'runs', 'load', 'study.json'), 'utf8'))
    const done = record.cells.filter(({ runs }: { runs: { state: string }[] }) => runs[0]?.state === 'done').length
    const each = (count: number) => (count / trials).toFixed(2)
    say(
      `${done} of ${record.cells.length} trials done by ${workers} workers: enqueued and followed in ${reported.toFixed(1)} s, with the report ${all.toFixed(1)} s`,
    )
    say(
      `a trial: ${each(after.scripts - before.scripts)} scripts, ${bytes((after.received - before.received) / trials)} to Redis and ${bytes((after.sent - before.sent) / trials)} from it; Redis held ${bytes(after.peak)} at most`,
    )
    const quarters = [0.25, 0.5, 0.75, 1].map(share => bytes(memory[Math.floor(share * (memory.length - 1))] ?? 0))
    say(
      `the study's process: ${quarters.join(', ')} after each quarter of the time, ${bytes(Math.max(...memory))} at most`,
    )
  } finally {
    for (const one of children) one.kill('SIGKILL')
    redis.disconnect()
    await server.remove()
    await rm(folder, { recursive: true, force: true })
  }
}

const program = new Command('queue-load')
  .description('measure what trials that do nothing cost a queue (needs redis-server)')
  .option('--trials <N>', 'how many', Number, 10_000)
  .option('--workers <N>', 'simulated', Number, 100)
  .option('--processes <N>', 'that the workers are in', Number, 4)
  .parse()
await main(program.opts())
