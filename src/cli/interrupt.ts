/** Ctrl-C: the first one asks the work to save and stop, the second one ends the process at once. */

/** A signal that aborts on the first SIGINT or SIGTERM. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(130)
      process.stderr.write('\nStopping after this step, to save; press Ctrl-C again to end at once without saving.\n')
      controller.abort()
    })
  return controller.signal
}
