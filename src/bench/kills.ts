/** Kills a training run again and again at random moments and resumes it: nothing may be lost, and nothing may differ. */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { randomStream } from '../base/random.js'
import { demoShapes } from '../examples/pictogramShapes.js'
import { drawPictograms } from '../examples/pictograms.js'
import { killWorkers } from './queueKills.js'

const command = fileURLToPath(new URL('../cli/main.js', import.meta.url))

/** Runs `regraft`; kills it after `milliseconds` where they are given. Says whether it came to its end. */
function regraft(args: readonly string[], milliseconds?: number): Promise<{ finished: boolean; stderr: string }> {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [command, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
    const timer = milliseconds === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), milliseconds)
    let stderr = ''
    child.stderr.on('data', chunk => {
      stderr += String(chunk)
    })
    child.on('error', failed)
    child.on('close', code => {
      clearTimeout(timer)
      done({ finished: code === 0, stderr })
    })
  })
}

/** metrics.jsonl without what depends on the clock. */
const metrics = (run: string): string =>
  readFileSync(join(run, 'metrics.jsonl'), 'utf8').replace(/"(seconds|imagesPerSecond)":[^,]+,/g, '')

/** What a run leaves, as one text that two equal runs have in common. */
const outcome = (run: string): string =>
  metrics(run) + readFileSync(join(run, 'model', 'model.safetensors')).toString('base64')

async function main({ kills, seed }: { kills: number; seed: number }): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'regraft-kills-'))
  const random = randomStream(seed, 'kills')
  try {
    const images = join(folder, 'images')
    await drawPictograms(images, { shapes: demoShapes, imagesPerClass: 20, size: 64, seed: 1 })
    const options = '--network resnet18-narrow --size 48 --batch-size 8 --epochs 4 --ema 0.9 --save-every 0.001s'
    const start = ['train', images, ...options.split(' '), '--run']
    const began = performance.now()
    const whole = await regraft([...start, join(folder, 'whole')])
    if (!whole.finished) throw new Error(whole.stderr)
    const duration = performance.now() - began
    const expected = outcome(join(folder, 'whole'))
    let done = 0
    let runs = 0
    while (done < kills) {
      const run = join(folder, `run${runs++}`)
      for (let finished = false; !finished; ) {
        const args = existsSync(join(run, 'config.json')) ? ['train', '--resume', run] : [...start, run]
        const attempt = await regraft(args, done < kills ? duration * (0.2 + 0.7 * random.next()) : undefined)
        finished = attempt.finished || existsSync(join(run, 'result.json'))
        if (attempt.finished) break
        if (attempt.stderr.includes('error:')) throw new Error(`after ${done} kills: ${attempt.stderr}`)
        done++
      }
      const same = outcome(run) === expected
      process.stdout.write(
        `run ${runs}: ${done} kills so far, ${same ? 'the same metrics and weights, bit for bit' : 'DIFFERENT'}\n`,
      )
      if (!same) throw new Error(`${run} differs from the run that was never interrupted`)
      await rm(run, { recursive: true })
    }
    process.stdout.write(
      `${done} kills at random moments, ${runs} runs: none lost, all equal to the uninterrupted one\n`,
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const program = new Command('kills')
  .description('kill a training run at random moments, resume it, and compare it with an uninterrupted one')
  .option('--kills <N>', 'how many', Number, 100)
  .option('--seed <N>', 'of the moments', Number, 0)
  .option('--queue', 'kill the workers of a study on a queue instead, and Redis twice (needs redis-server)')
  .option('--workers <N>', 'with --queue: how many at a time', Number, 4)
  .option('--trials <N>', 'with --queue: of the study', Number, 24)
  .parse()
const { queue, ...options } = program.opts<{
  queue?: boolean
  kills: number
  seed: number
  workers: number
  trials: number
}>()
await (queue ? killWorkers(options) : main(options))
