/** The worker's side of a process that trains: started when it is needed, kept for the next trial, and ended where it must be. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { duration } from '../../base/duration.js'
import { fromProcess, type ToProcess, type TrialEnding, type TrialStep, type TrialTask } from './trialMessages.js'

export interface TrialHooks {
  readonly onStep: (step: TrialStep) => void
  /** Asks it to save and stop. */
  readonly stop: AbortSignal
  /** Ends it at once: it has lost the run. */
  readonly kill: AbortSignal
}

/** Trains; how is somebody else's business. */
export interface TrialHost {
  run(task: TrialTask, hooks: TrialHooks): Promise<TrialEnding>
  end(): void
}

const entry = fileURLToPath(new URL('./trialProcess.js', import.meta.url))
/** @param silence seconds after which a process that says nothing is taken for one that hangs */
export function createTrialHost(silence: number): TrialHost {
  let child: ChildProcess | undefined
  let said = ''
  const start = (): ChildProcess => {
    if (child?.connected) return child
    const started = fork(entry, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    started.on('error', () => {})
    started.stderr?.on('data', chunk => {
      said = (said + String(chunk)).slice(-2000)
    })
    child = started
    return started
  }
  const end = () => {
    child?.kill('SIGKILL')
    child = undefined
  }
  const run = (task: TrialTask, { onStep, stop, kill }: TrialHooks) =>
    new Promise<TrialEnding>(done => {
      said = ''
      const running = start()
      const send = (message: ToProcess) => void (running.connected && running.send(message, () => {}))
      let waiting: NodeJS.Timeout | undefined
      let hangs = false
      const heard = () => {
        clearTimeout(waiting)
        waiting = setTimeout(() => {
          hangs = true
          running.kill('SIGKILL')
        }, 1000 * silence)
      }
      const onMessage = (message: unknown) => {
        heard()
        const parsed = fromProcess.safeParse(message)
        if (!parsed.success) return
        if (parsed.data.type === 'step') onStep(parsed.data.step)
        else finish(parsed.data.ending)
      }
      const onExit = (code: number | null, signal: string | null) => {
        const how = hangs
          ? `made no progress for ${duration(silence)}`
          : signal
            ? `was ended by ${signal}`
            : `ended with code ${code}`
        const last = said.trim().split('\n').at(-1)
        const reason = `its process ${how}${last ? `: ${last}` : ''}`
        child = undefined
        finish(kill.aborted ? { state: 'lost', reason } : { state: 'crashed', reason })
      }
      const onStop = () => send({ type: 'stop' })
      const onKill = () => running.kill('SIGKILL')
      const finish = (ending: TrialEnding) => {
        clearTimeout(waiting)
        running.off('message', onMessage)
        running.off('exit', onExit)
        stop.removeEventListener('abort', onStop)
        kill.removeEventListener('abort', onKill)
        // A process that was stopped has no next trial; what went wrong in one may linger in it
        if (ending.state !== 'done' && ending.state !== 'stopped' && ending.state !== 'failed') end()
        done(ending)
      }
      running.on('message', onMessage)
      running.on('exit', onExit)
      stop.addEventListener('abort', onStop)
      kill.addEventListener('abort', onKill)
      heard()
      send({ type: 'run', task })
      if (stop.aborted) onStop()
      if (kill.aborted) onKill()
    })
  return { run, end }
}
