/** One call of the command line: loads the command that is meant, and turns errors into words and an exit code. */
import { Command, CommanderError } from 'commander'
import { inOwnWords, RegraftError } from '../base/errors.js'
import { version } from '../base/version.js'
import { commands } from './commands.js'
import { noDecoder } from './decoder.js'
import { warn } from './terminal/say.js'

/** Exit codes: 0 success, 1 a defect, 2 to 8 by kind of error, 130 interrupted. */
export const exitCodes: Readonly<Record<RegraftError['code'], number>> = {
  usage: 2,
  data: 3,
  weights: 4,
  network: 5,
  training: 6,
  run: 7,
  engine: 8,
  interrupted: 130,
}

/** Only the command that is meant is loaded; of the others the help needs no more than their line. */
async function programFor(args: readonly string[]): Promise<Command> {
  const program = new Command('regraft')
    .description('Fine-tunes ImageNet-pretrained convolutional networks on your own images.')
    .version(version)
    .showSuggestionAfterError()
    .exitOverride()
    .addHelpText(
      'after',
      '\nExit codes: 0 success, 1 a defect in regraft, 2 usage, 3 images, 4 weights, 5 network, 6 training diverged, 7 run folder, 8 engine, 130 interrupted',
    )
  const [first, second] = args.filter(argument => !argument.startsWith('-'))
  const meant = first === 'help' ? second : first
  for (const { form, description, load } of commands) {
    const name = form.split(' ')[0] as string
    const command = name === meant ? await load() : new Command(name).description(description)
    program.addCommand(command.showSuggestionAfterError().exitOverride())
  }
  return program.configureHelp({
    subcommandTerm: command =>
      commands.find(({ form }) => form.split(' ')[0] === command.name())?.form ?? 'help [command]',
  })
}

/** What went wrong, to standard error. @returns the exit code */
function tell(thrown: unknown): number {
  const error = inOwnWords(thrown)
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (error instanceof RegraftError) {
    warn(`${error.code === 'interrupted' ? '' : 'error: '}${error.message}\n`)
    return exitCodes[error.code]
  }
  if (error instanceof Error && error.message.startsWith('Could not load the "sharp" module')) {
    warn(`error: ${noDecoder}\n`)
    return exitCodes.usage
  }
  warn(`This is a defect in regraft ${version}; please report it with the following:\n`)
  warn(`${error instanceof Error ? error.stack : String(error)}\n`)
  return 1
}

/**
 * Does what a command line asks for.
 * @param args without the names of Node and of the script
 * @returns the exit code
 */
export async function runCommand(args: readonly string[]): Promise<number> {
  try {
    const program = await programFor(args)
    await program.parseAsync(args, { from: 'user' })
    return 0
  } catch (thrown) {
    return tell(thrown)
  }
}
