/** `regraft study --status`: how the studies of a queue go, once, or live where the output is a terminal; `--withdraw` takes one out. */
import { setTimeout as sleep } from 'node:timers/promises'
import { RegraftError } from '../base/errors.js'
import { plural } from '../base/plural.js'
import { shellWord } from '../base/shell.js'
import type { QueueStatus, StudyStatus } from '../study/queue/index.js'
import { interruptSignal } from './interrupt.js'
import { bytes, duration } from './terminal/format.js'
import { liveBlock } from './terminal/live.js'
import { say } from './terminal/say.js'
import { table } from './terminal/table.js'

const every = 1000

/** @param name shows this study alone */
export async function showStatus(queue: string | undefined, name: string | undefined): Promise<void> {
  if (queue === undefined) throw new RegraftError('usage', '--status shows a queue: add --queue redis://HOST:6379')
  const { connect, disconnect, queueAddress, queueStatus } = await import('../study/queue/index.js')
  const address = queueAddress(queue)
  const redis = await connect(address)
  const look = async () => lines(await queueStatus(redis), name)
  try {
    if (!process.stderr.isTTY || !process.stdout.isTTY) {
      say(`${(await look()).join('\n')}\n`)
      return
    }
    const signal = interruptSignal('')
    const live = liveBlock()
    while (!signal.aborted) {
      const shown = await look()
      live.show(() => shown)
      await sleep(every, undefined, { signal }).catch(() => {})
    }
    live.done()
  } finally {
    await disconnect(redis)
  }
}

/** @param name of the study, or its folder */
export async function withdrawFrom(queue: string | undefined, name: string | undefined): Promise<void> {
  if (queue === undefined || name === undefined)
    throw new RegraftError(
      'usage',
      '--withdraw takes a study out of a queue: regraft study NAME --withdraw --queue URL',
    )
  const { connect, disconnect, queueAddress, withdrawStudy } = await import('../study/queue/index.js')
  const address = queueAddress(queue)
  const redis = await connect(address)
  try {
    const { trials, folder } = await withdrawStudy(redis, name)
    say(
      `${name} is out of the queue: ${plural(trials, 'trial')} waited or ran. What was trained is kept; go on with: regraft study --resume ${shellWord(folder)} --queue ${address.shown}\n`,
    )
  } finally {
    await disconnect(redis)
  }
}

function lines({ studies, workers }: QueueStatus, name: string | undefined): string[] {
  const shown = studies.filter(({ study }) => name === undefined || study.name === name)
  const machines = workers.map(({ host, cpu, cores, memory, engines, concurrency, refused }) => [
    host,
    cpu,
    String(cores),
    bytes(memory),
    engines.join(', '),
    String(concurrency),
    refused.map(({ study }) => study).join(', '),
  ])
  return [
    ...(shown.length === 0 ? ['No study stands in the queue.'] : shown.flatMap(studyLines)),
    '',
    ...(workers.length === 0
      ? ['No worker is there; start some: regraft worker --queue …']
      : table(['worker', 'cpu', 'cores', 'memory', 'engines', 'at a time', 'refuses'], machines).split('\n')),
    ...workers.flatMap(({ host, refused }) =>
      refused.map(({ study, reason }) => `${host} refuses ${study}: ${reason}`),
    ),
  ]
}

function studyLines({ study, waiting, running, summary, unmet, left }: StudyStatus): string[] {
  const failed = summary?.failed ?? []
  const counts = [
    `${waiting} waiting`,
    `${running.length} running`,
    ...(summary ? [`${summary.done} of ${summary.total} done`] : []),
    ...(summary?.stopped ? [`${summary.stopped} stopped at a rung`] : []),
    ...(failed.length > 0 ? [`${failed.length} failed`] : []),
    left === undefined ? 'time left unknown until a trial has finished' : `about ${duration(left)} left`,
  ]
  const rows = running.map(({ run, host, task, epoch, epochs, seconds }) => [
    run,
    host,
    task ?? 'starting',
    epoch === undefined ? '' : `${epoch}${epochs === undefined ? '' : ` of ${epochs}`}`,
    duration(seconds),
  ])
  return [
    `${study.name}: ${counts.join(', ')}`,
    ...(rows.length > 0 ? table(['running', 'where', 'does', 'epoch', 'since'], rows).split('\n') : []),
    ...unmet,
    ...failed.map(({ run, reason }) => `failed: ${run}: ${reason}`),
  ]
}
