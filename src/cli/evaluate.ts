/** `regraft evaluate`: the accuracy of a run's model, on its test images or on another folder. */
import { Command } from 'commander'
import { evaluateRun } from '../inference/index.js'
import { addComputing, type ComputingOptions, computing } from './computing.js'
import { percent } from './terminal/format.js'
import { progress } from './terminal/progress.js'
import { say, sayJson } from './terminal/say.js'
import { table } from './terminal/table.js'

interface EvaluateOptions extends ComputingOptions {
  readonly part: 'train' | 'val' | 'test'
  readonly perClass?: boolean
  readonly json?: boolean
}

export const evaluateCommand = addComputing(
  new Command('evaluate')
    .description("measure a run's model on its test images, or on a folder with the same classes")
    .argument('<run>', 'folder of a finished run')
    .argument('[data]', "folder of class folders; default: the run's own data"),
  "the run's own",
)
  .option('--part <PART>', "of the run's own split: train, val or test", 'test')
  .option('--per-class', 'a table of classes, the weakest first')
  .option('--json', 'all numbers as JSON; accuracies are fractions')
  .addHelpText(
    'after',
    '\nExamples:\n  regraft evaluate runs/photos-resnet50\n  regraft evaluate runs/photos-resnet50 more-photos --per-class',
  )
  .action(async (run: string, data: string | undefined, options: EvaluateOptions) => {
    const bar = progress({ label: 'Evaluating', unit: 'image' })
    const result = await evaluateRun(run, data, {
      part: options.part,
      ...(await computing(options)),
      onProgress: (done, total) => bar.update(done, total),
    }).finally(() => bar.done())
    if (options.json) {
      sayJson(result)
      return
    }
    const [low, high] = result.interval
    say(
      `top-1 ${percent(result.top1)} (95 % interval ${percent(low)} to ${percent(high)}), top-5 ${percent(result.top5)}, mean per class ${percent(result.meanPerClass)}, loss ${result.loss.toFixed(3)}, ${result.images} images\n`,
    )
    if (!options.perClass) return
    const rows = result.perClass
      .filter(({ images }) => images > 0)
      .sort((a, b) => (a.top1 ?? 0) - (b.top1 ?? 0))
      .map(entry => [entry.class, String(entry.images), percent(entry.top1 ?? 0)])
    say(`\n${table(['class', 'images', 'top-1'], rows)}\n`)
  })
