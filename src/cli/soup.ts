/** `regraft soup`: one model of the weights of several runs. */
import { Command, Option } from 'commander'
import { makeSoup } from '../inference/index.js'
import { readModel } from '../training/index.js'
import { accuracyText } from './accuracyText.js'
import { addComputing, type ComputingOptions, computing } from './computing.js'
import { percent } from './terminal/format.js'
import { progress } from './terminal/progress.js'
import { say, sayJson } from './terminal/say.js'
import { table } from './terminal/table.js'

interface SoupOptions extends ComputingOptions {
  readonly out: string
  readonly normStatistics: 'running' | 'recomputed'
  readonly json?: boolean
}

export const soupCommand = addComputing(
  new Command('soup')
    .description('average the weights of runs, as far as that helps on their validation images, to one model')
    .argument('<runs...>', 'folders of finished runs of one network on the same split')
    .requiredOption('--out <FOLDER>', "where the model goes; 'predict', 'serve' and 'export' take it"),
  "the runs' own",
)
  .addOption(
    new Option(
      '--norm-statistics <CHOICE>',
      "of the mean's batch norms: the mean of the runs' own, or recomputed for its weights over training images",
    )
      .choices(['running', 'recomputed'])
      .default('running'),
  )
  .option('--json', 'all numbers as JSON; accuracies are fractions')
  .addHelpText('after', '\nExample:\n  regraft soup runs/seed0 runs/seed1 runs/seed2 --out models/soup')
  .action(async (folders: string[], { out, normStatistics, json, ...options }: SoupOptions) => {
    const compute = computing(options)
    const bar = progress({ label: 'Measuring', unit: 'image' })
    const soup = await makeSoup(folders, out, {
      ...(await compute(folders[0], 32)),
      normStatistics,
      onProgress: (done, total) => bar.update(done, total),
    }).finally(() => bar.done())
    if (json) return sayJson(soup)
    const { classes } = await readModel(out)
    const rows = soup.ingredients.map(({ run, alone, together, taken }) => [
      run,
      percent(alone.top1),
      percent(together.top1),
      taken ? 'yes' : 'no',
    ])
    say(`${table(['run', 'validation alone', 'with those before', 'taken'], rows)}\n\n`)
    say(`validation: ${accuracyText(soup.validation, classes.length)}\n`)
    if (soup.test) say(`test      : ${accuracyText(soup.test, classes.length)}\n`)
    say(`Model     ${out}\n`)
  })
