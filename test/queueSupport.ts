/** What tests of studies on a queue share: workers as people run them, and what runs leave. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { command } from './support.js'

/** The options of every run: a few seconds each. */
export const base =
  'base: {network: resnet18-narrow, size: 32, batch-size: 8, augment: none, epochs: 2, lr-backbone: 0.005, lr-head: 0.05, threads: 1}'

export interface Running {
  readonly process: ReturnType<typeof spawn>
  said(): string
  readonly ended: Promise<number | null>
  saying(text: RegExp): Promise<void>
}

const started: Running[] = []

/** A worker that goes on until it is ended. */
export function worker(
  queue: string,
  cwd: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Running {
  const child = spawn(process.execPath, [command, 'worker', '--queue', queue, '--lock', '2', ...args], {
    cwd,
    env: { ...process.env, NO_COLOR: '1', ...env },
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

export async function endWorkers(): Promise<void> {
  for (const one of started.splice(0)) {
    one.process.kill('SIGKILL')
    await one.ended
  }
}

/** What a run leaves, without what depends on the clock. */
export const outcome = (run: string) => [
  readFileSync(join(run, 'metrics.jsonl'), 'utf8').replace(/"(seconds|imagesPerSecond)":[^,]+,/g, ''),
  readFileSync(join(run, 'model', 'model.safetensors')).toString('base64'),
]

/** The epochs that the runs of a study have trained in all. */
export const epochsIn = (study: string): number =>
  existsSync(study)
    ? readdirSync(study)
        .map(run => join(study, run, 'metrics.jsonl'))
        .filter(file => existsSync(file))
        .reduce((sum, file) => sum + readFileSync(file, 'utf8').split('\n').length - 1, 0)
    : 0

/** Waits until they have trained so many. */
export async function epochsOf(study: string, epochs: number): Promise<void> {
  for (let i = 0; epochsIn(study) < epochs; i++) {
    if (i > 1200) throw new Error(`${study} never had ${epochs} epochs`)
    await new Promise(done => setTimeout(done, 50))
  }
}

/** Processes that another has started. @param what stands in their command line */
export const childrenOf = (pid: number, what = ''): number[] =>
  spawnSync('ps', ['-o', 'pid=,args=', '--ppid', String(pid)])
    .stdout.toString()
    .split('\n')
    .filter(line => line.includes(what))
    .map(line => Number.parseInt(line, 10))
    .filter(Number.isInteger)

export const runsOf = (study: string) => readdirSync(study).filter(run => existsSync(join(study, run, 'result.json')))
