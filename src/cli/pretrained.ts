/** How commands take a pretrained network instead of a run: --weights, --network, --match, --weights-prefix and --classes. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import type { Command } from 'commander'
import { RegraftError } from '../base/errors.js'
import { pretrainedModel } from '../inference/index.js'
import { warn } from './terminal/say.js'

/** As they are given on the command line. */
export interface PretrainedOptions {
  readonly weights?: string
  readonly network?: string
  readonly match?: 'name' | 'order'
  readonly weightsPrefix?: string
  readonly classes?: string
}

export function addPretrained(command: Command): Command {
  return command
    .option(
      '--weights <SOURCE>',
      'pretrained weights with their own head instead of a run: imagenet1k-v1, a file, a URL, hf:owner/name',
    )
    .option(
      '--network <NAME>',
      'the network of --weights, where it cannot be inferred; alone: with its own published weights',
    )
    .option('--match <CHOICE>', "how entries of --weights are matched: 'name' or 'order'")
    .option('--weights-prefix <PREFIX>', 'of several networks in one file of --weights, the one whose entries start so')
    .option('--classes <FILE>', 'names of the classes of --weights, one a line, in the order of its outputs')
}

/** The network that the options name, and what was taken from its file said beside the results; undefined where a run is meant. */
export async function pretrained({ weights, network, match, weightsPrefix, classes }: PretrainedOptions) {
  if (weights === undefined && network === undefined) {
    const [name] = Object.entries({ match, 'weights-prefix': weightsPrefix, classes }).find(([, value]) => value) ?? []
    if (name) throw new RegraftError('usage', `--${name} says how --weights is read; pass --weights FILE with it`)
    return undefined
  }
  return pretrainedModel(weights, {
    classes: classes === undefined ? undefined : namesIn(classes),
    network,
    weightsPrefix,
    onNote: words => warn(`${words}\n`),
    ...(match ? { match } : {}),
  })
}

/** The lines of a file that are not empty. */
function namesIn(file: string): string[] {
  if (!existsSync(file) || statSync(file).isDirectory())
    throw new RegraftError('usage', `--classes ${file}: there is no such file; write the classes' names, one a line`)
  const lines = readFileSync(file, 'utf8').split(/\r?\n/)
  return lines.map(line => line.trim()).filter(Boolean)
}
