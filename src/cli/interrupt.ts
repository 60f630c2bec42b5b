/** Ctrl-C and other requests to stop: the first one asks the work to save and stop, a later one ends the process at once. */
import { RegraftError } from '../base/errors.js'
import { warn } from './terminal/say.js'

/** npx passes a terminal's signal on to a process that has already got it: what comes so soon is the same Ctrl-C. */
const sameKeystroke = 500
/** Ctrl-C; what ends a service or a job; and a terminal that was closed. */
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const interrupted = 130

let listener: (() => void) | undefined

function listen(next: () => void): void {
  for (const name of signals) {
    // The new one first: a signal that comes while there is none ends the process without a word
    process.on(name, next)
    if (listener) process.off(name, listener)
  }
  listener = next
}

/** For commands that leave nothing half done: a signal ends them, and says that nothing has to be mended. */
export function endAtSignal(): void {
  listen(() => {
    warn('\nStopped. Nothing has to be mended: run the same command again.\n')
    process.exit(interrupted)
  })
}

/**
 * A signal that aborts at the first SIGINT, SIGTERM or SIGHUP. Its reason is what work that has nothing better to say
 * ends with.
 * @param message what is said then
 */
export function interruptSignal(
  message = '\nStopping after this step, to save; press Ctrl-C again to end at once without saving.\n',
): AbortSignal {
  const controller = new AbortController()
  let first = 0
  listen(() => {
    if (controller.signal.aborted) {
      if (performance.now() - first > sameKeystroke) process.exit(interrupted)
      return
    }
    first = performance.now()
    warn(message)
    controller.abort(new RegraftError('interrupted', 'Stopped; nothing has to be mended. Go on with the same command.'))
  })
  return controller.signal
}
