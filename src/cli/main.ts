#!/usr/bin/env node
/** The command line: one command a file; this one loads the one that is meant and turns errors into words and exit codes. */
import { Command, CommanderError } from 'commander'
import { RegraftError } from '../base/errors.js'
import { version } from '../base/version.js'
import { commands } from './commands.js'
import { endAtSignal } from './interrupt.js'
import { warn } from './terminal/say.js'

/** Exit codes: 0 success, 1 a defect, 2 to 8 by kind of error, 130 interrupted. */
const exitCodes: Readonly<Record<RegraftError['code'], number>> = {
  usage: 2,
  data: 3,
  weights: 4,
  network: 5,
  training: 6,
  run: 7,
  engine: 8,
  interrupted: 130,
}

const program = new Command('regraft')
  .description('Fine-tunes ImageNet-pretrained convolutional networks on your own images.')
  .version(version)
  .showSuggestionAfterError()
  .exitOverride()
  .addHelpText(
    'after',
    '\nExit codes: 0 success, 1 a defect in regraft, 2 usage, 3 images, 4 weights, 5 network, 6 training diverged, 7 run folder, 8 engine, 130 interrupted',
  )

// Only the command that is meant is loaded; of the others the help needs no more than their line.
const [first, second] = process.argv.slice(2).filter(argument => !argument.startsWith('-'))
const meant = first === 'help' ? second : first
for (const { form, description, load } of commands) {
  const name = form.split(' ')[0] as string
  const command = name === meant ? await load() : new Command(name).description(description)
  program.addCommand(command.showSuggestionAfterError().exitOverride())
}
program.configureHelp({
  subcommandTerm: command =>
    commands.find(({ form }) => form.split(' ')[0] === command.name())?.form ?? 'help [command]',
})

// Whoever read the output is gone (`| head`), or its disk is full: nobody is left to work for.
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
  if (code !== 'EPIPE') warn(`interrupted: the output cannot be written (${code})\n`)
  process.exit(exitCodes.interrupted)
})
process.stderr.on('error', () => {})

// Commands that can save what they did ask for more.
endAtSignal()

try {
  await program.parseAsync()
} catch (thrown) {
  // What Node itself stops at a signal says so in its own words, and has ours as its cause
  const own = thrown instanceof Error && thrown.name === 'AbortError' && thrown.cause instanceof RegraftError
  const error = own ? thrown.cause : thrown
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2
  else if (error instanceof RegraftError) {
    warn(`${error.code === 'interrupted' ? '' : 'error: '}${error.message}\n`)
    process.exitCode = exitCodes[error.code]
  } else {
    warn(`This is a defect in regraft ${version}; please report it with the following:\n`)
    warn(`${error instanceof Error ? error.stack : String(error)}\n`)
    process.exitCode = 1
  }
}
