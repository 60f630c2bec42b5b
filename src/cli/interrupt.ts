import { warn } from './terminal/say.js'

/** Ctrl-C: the first one asks the work to save and stop, a later one ends the process at once. */

/** npx passes a terminal's signal on to a process that has already got it: what comes so soon is the same Ctrl-C. */
const sameKeystroke = 500

/** A signal that aborts on the first SIGINT or SIGTERM. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController()
  let first = 0
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.on(name, () => {
      if (controller.signal.aborted) {
        if (performance.now() - first > sameKeystroke) process.exit(130)
        return
      }
      first = performance.now()
      warn('\nStopping after this step, to save; press Ctrl-C again to end at once without saving.\n')
      controller.abort()
    })
  return controller.signal
}
