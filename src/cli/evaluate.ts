/** `regraft evaluate`: the accuracy of a run's model, on its test images or on another folder. */
import { Command } from 'commander'
import { RegraftError } from '../base/errors.js'
import { plural } from '../base/plural.js'
import { evaluateRun, type SeenImages } from '../inference/index.js'
import { accuracyText } from './accuracyText.js'
import { addComputing, type ComputingOptions, computing } from './computing.js'
import { percent } from './terminal/format.js'
import { progress } from './terminal/progress.js'
import { say, sayJson, warn } from './terminal/say.js'
import { table } from './terminal/table.js'

interface EvaluateOptions extends ComputingOptions {
  readonly part: 'train' | 'val' | 'test'
  readonly exclude?: string[]
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
  .option('--exclude <CLASS...>', 'class folders of the other folder to leave out')
  .option('--per-class', 'a table of classes, the weakest first')
  .option('--json', 'all numbers as JSON; accuracies are fractions')
  .addHelpText(
    'after',
    '\nExamples:\n  regraft evaluate runs/photos-resnet50\n  regraft evaluate runs/photos-resnet50 more-photos --per-class',
  )
  .action(async (run: string, data: string | undefined, options: EvaluateOptions) => {
    if (options.exclude && data === undefined)
      throw new RegraftError(
        'usage',
        `--exclude leaves out classes of another folder: regraft evaluate ${run} FOLDER --exclude …`,
      )
    const bar = progress({ label: 'Evaluating', unit: 'image' })
    const result = await evaluateRun(run, data, {
      part: options.part,
      ...(options.exclude ? { exclude: options.exclude } : {}),
      ...(await computing(options)),
      onProgress: (done, total) => bar.update(done, total),
    }).finally(() => bar.done())
    const warning = seenWarning(result.seen, result.images)
    if (warning !== undefined) warn(`warning: ${warning}\n`)
    if (options.json) {
      sayJson(result)
      return
    }
    say(`${accuracyText(result, result.perClass.length)}, ${plural(result.images, 'image')}\n`)
    if (!options.perClass) return
    const rows = result.perClass
      .filter(({ images }) => images > 0)
      .sort((a, b) => (a.top1 ?? 0) - (b.top1 ?? 0))
      .map(entry => [entry.class, String(entry.images), percent(entry.top1 ?? 0)])
    say(`\n${table(['class', 'images', 'top-1'], rows)}\n`)
  })

/** What a person should know where the run has seen some of the images. */
function seenWarning({ train, val }: SeenImages, images: number): string | undefined {
  if (train + val === 0) return undefined
  const told = [
    ...(train > 0 ? [`the run was trained on ${train}`] : []),
    ...(val > 0 ? [`${val} chose its best epoch`] : []),
  ]
  return `of these ${images} images ${told.join(', and ')}: accuracy on new images is likely lower`
}
