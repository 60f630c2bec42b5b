/** How commands take a pretrained network instead of a run: --weights, its classes, and how its images are prepared. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import type { Command } from 'commander'
import { RegraftError } from '../base/errors.js'
import { kebab } from '../base/names.js'
import { withOverrides } from '../base/preprocessing.js'
import { pretrainedModel } from '../inference/index.js'
import { checkOptions, type TrainingOptions, trainingOptions } from '../training/index.js'
import { addOptions } from './options.js'
import { warn } from './terminal/say.js'

const preparing = trainingOptions.pick({
  size: true,
  mean: true,
  std: true,
  interpolation: true,
  crop: true,
  cropMode: true,
})
type Preparing = Pick<TrainingOptions, 'size' | 'mean' | 'std' | 'interpolation' | 'crop' | 'cropMode'>

/** As they are given on the command line. */
export interface PretrainedOptions extends Preparing {
  readonly weights?: string
  readonly network?: string
  readonly match?: 'name' | 'order'
  readonly weightsPrefix?: string
  readonly classes?: string
}

export function addPretrained(command: Command): Command {
  const taken = command
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
  return addOptions(taken, preparing)
}

/** The network that the options name, and what was taken from its file said beside the results; undefined where a run is meant. */
export async function pretrained(options: PretrainedOptions) {
  const { weights, network, match, weightsPrefix, classes, size, mean, std, interpolation, crop, cropMode } = options
  const given = { size, mean, std, interpolation, crop, cropMode }
  if (weights === undefined && network === undefined) {
    const about = { match, weightsPrefix, classes, ...given }
    const [name] = Object.entries(about).find(([, value]) => value !== undefined) ?? []
    if (name)
      throw new RegraftError('usage', `--${kebab(name)} says how --weights is read; pass --weights FILE with it`)
    return undefined
  }
  const checked = checkOptions(given)
  const model = await pretrainedModel(weights, {
    classes: classes === undefined ? undefined : namesIn(classes),
    network,
    weightsPrefix,
    onNote: words => warn(`${words}\n`),
    ...(match ? { match } : {}),
  })
  return { ...model, preprocessing: withOverrides(model.preprocessing, checked) }
}

/** The lines of a file that are not empty. */
function namesIn(file: string): string[] {
  if (!existsSync(file) || statSync(file).isDirectory())
    throw new RegraftError('usage', `--classes ${file}: there is no such file; write the classes' names, one a line`)
  const lines = readFileSync(file, 'utf8').split(/\r?\n/)
  return lines.map(line => line.trim()).filter(Boolean)
}
