#!/usr/bin/env node
/** The command line as a process: its output, its signals and its exit code; `run.ts` does what it asks for. */
import { tooOldNode } from '../base/version.js'
import { endAtSignal } from './interrupt.js'
import { exitCodes, runCommand } from './run.js'
import { warn } from './terminal/say.js'

// Whoever read the output is gone (`| head`), or its disk is full: nobody is left to work for.
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
  if (code !== 'EPIPE') warn(`interrupted: the output cannot be written (${code})\n`)
  process.exit(exitCodes.interrupted)
})
process.stderr.on('error', () => {})

// Commands that can save what they did ask for more.
endAtSignal()

const tooOld = tooOldNode()
if (tooOld !== undefined) {
  warn(`error: ${tooOld}\n`)
  process.exit(exitCodes.usage)
}
process.exitCode = await runCommand(process.argv.slice(2))
