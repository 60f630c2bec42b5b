/** `regraft worker`: trains runs of studies that stand in a queue, until Ctrl-C. */
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { amountPattern, bytesOf } from '../base/bytes.js'
import { RegraftError } from '../base/errors.js'
import { cpuModel, usableCores, usableMemory } from '../base/machine.js'
import { everyEngine } from '../engines/index.js'
import { networkGraph, networkNamed } from '../models/index.js'
import { interruptSignal } from './interrupt.js'
import { bytes, duration } from './terminal/format.js'
import { say } from './terminal/say.js'

interface Given {
  readonly queue: string
  readonly allow: readonly string[]
  readonly mount: readonly string[]
  readonly concurrency: number
  readonly threads?: number
  readonly memory?: string
  readonly lock: number
  readonly silence: number
  readonly idle?: number
}

const gather = (one: string, before: readonly string[]): readonly string[] => [...before, one]

export const workerCommand = new Command('worker')
  .description('train runs of studies that stand in a Redis queue, on as many machines as there are')
  .requiredOption('--queue <URL>', 'the queue: redis://HOST:6379, rediss:// for TLS')
  .option(
    '--allow <FOLDER>',
    'work only on studies and images below it; may be given again; default: where it is started',
    gather,
    [],
  )
  .option(
    '--mount <FROM=TO>',
    "where this machine sees a folder that the study's machine sees at FROM; may be given again",
    gather,
    [],
  )
  .option('--concurrency <N>', 'trials at a time, each in a process of its own', Number, 1)
  .option(
    '--threads <N>',
    'threads of a trial whose study names none; default: the cores there are, shared out',
    Number,
  )
  .option('--memory <AMOUNT>', "what all trials together may need, like '16GB'; default: what this machine has")
  .option('--lock <SECONDS>', 'without a sign of life for so long, a trial is given to another worker', Number, 30)
  .option('--silence <SECONDS>', 'end a trial that makes no progress for so long, and try it again', Number, 900)
  .option('--idle <SECONDS>', 'end after so long without work', Number)
  .addHelpText(
    'after',
    `
Ctrl-C saves, hands the trial back, and ends. User and password of the queue may stand in the environment:
REGRAFT_QUEUE_USER, REGRAFT_QUEUE_PASSWORD.

Examples:
  regraft worker --queue redis://queue:6379                      on what lies below this folder
  regraft worker --queue rediss://queue:6380 --allow /data --concurrency 4
  regraft worker --queue redis://queue:6379 --mount /home/ada/photos=/mnt/photos --allow /mnt`,
  )
  .action(async (given: Given) => {
    const { parseMount, queueAddress, runWorker } = await import('../study/queue/index.js')
    const { concurrency, lock, silence, idle } = given
    whole('--concurrency', concurrency, 256)
    whole('--lock', lock, 3600)
    whole('--silence', silence, 86_400)
    if (given.threads !== undefined) whole('--threads', given.threads, 512)
    if (idle !== undefined && !(idle >= 0)) throw new RegraftError('usage', `--idle ${idle}: expected seconds`)
    const mounts = given.mount.map(parseMount)
    const address = queueAddress(given.queue)
    const allow = (given.allow.length > 0 ? given.allow : ['.']).map(folder => resolve(folder))
    const cores = usableCores()
    const machine = {
      host: hostname(),
      cpu: cpuModel(),
      engines: enginesHere(),
      cores,
      memory: given.memory === undefined ? usableMemory() : amount(given.memory),
    }
    const tell = (line: string) => say(`${line}\n`)
    tell(
      `Worker on ${machine.host}: ${machine.cpu}, ${cores} cores, ${bytes(machine.memory)}, ${machine.engines.join(', ')}; ${concurrency} at a time\n` +
        `Queue  ${address.shown}\nAllowed  ${allow.join(', ')}`,
    )
    const began = performance.now()
    const { trials } = await runWorker({
      address,
      allow,
      mounts,
      concurrency,
      threads: given.threads ?? Math.max(1, Math.floor(cores / concurrency)),
      machine,
      lock,
      silence,
      idle,
      tell,
      signal: interruptSignal('\nSaving and handing back; press Ctrl-C again to end at once.\n'),
    })
    tell(`${trials} trials in ${duration((performance.now() - began) / 1000)}`)
  })

function whole(option: string, value: number, most: number): void {
  if (!Number.isInteger(value) || value < 1 || value > most)
    throw new RegraftError('usage', `${option} ${value}: expected a whole number from 1 to ${most}`)
}

function amount(text: string): number {
  const parsed = amountPattern.test(text) ? bytesOf(text) : 0
  if (!(parsed > 0)) throw new RegraftError('usage', `--memory ${text}: expected an amount like 16GB`)
  return parsed
}

/** The engines that can train here. */
function enginesHere(): string[] {
  const graph = networkGraph(networkNamed('resnet18'), { classes: 2, batch: 1 })
  return everyEngine.filter(engine => engine.supports(graph, 'float32').ok).map(({ name }) => name)
}
