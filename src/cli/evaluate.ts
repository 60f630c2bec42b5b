/** `regraft evaluate`: the accuracy of a run's model, on its test images or on another folder. */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Command, Option } from 'commander'
import { RegraftError } from '../base/errors.js'
import { plural } from '../base/plural.js'
import { evaluateRun, type RunEvaluation, type SeenImages } from '../inference/index.js'
import { type Language, languages, writeEvaluation } from '../report/index.js'
import { readModel } from '../training/index.js'
import { accuracyText } from './accuracyText.js'
import { addComputing, type ComputingOptions, computing } from './computing.js'
import { unpackFirst } from './dataFolder.js'
import { passShare } from './predict.js'
import { percent } from './terminal/format.js'
import { progress } from './terminal/progress.js'
import { say, sayJson, warn } from './terminal/say.js'
import { table } from './terminal/table.js'

interface EvaluateOptions extends ComputingOptions {
  readonly part: 'train' | 'val' | 'test'
  readonly labels?: string
  readonly exclude?: string[]
  readonly perClass?: boolean
  readonly json?: boolean
  readonly out?: string
  readonly language: Language
  readonly reject?: boolean
  readonly pass: number
}

export const evaluateCommand = addComputing(
  new Command('evaluate')
    .description("measure a run's model on its test images, or on a folder with the same classes")
    .argument('<run>', 'folder of a finished run')
    .argument('[data]', "folder of class folders, or an archive of one; default: the run's own data"),
  "the run's own",
)
  .option('--part <PART>', "of the run's own split: train, val or test", 'test')
  .option('--labels <FILE>', "CSV of the other folder's paths and labels, instead of class folders")
  .option('--exclude <CLASS...>', 'class folders of the other folder to leave out')
  .option('--per-class', 'a table of classes, the weakest first')
  .option('--out <FOLDER>', 'where predictions.csv, the confusion matrix and a report with the mistakes go')
  .addOption(new Option('--language <LANGUAGE>', 'language of that report').choices(languages).default('en'))
  .option('--reject', "also measure what 'predict --reject' does, to these images and to classes that the model lacks")
  .option('--pass <PERCENT>', 'as for predict', Number, 95)
  .option('--json', 'all numbers as JSON; accuracies are fractions')
  .addHelpText(
    'after',
    '\nExamples:\n  regraft evaluate runs/photos-resnet50\n  regraft evaluate runs/photos-resnet50 more-photos --per-class\n  regraft evaluate runs/photos-resnet50 more-photos --out more-photos-measured',
  )
  .action(async (run: string, data: string | undefined, options: EvaluateOptions) => {
    const compute = computing(options)
    if (options.exclude && data === undefined)
      throw new RegraftError(
        'usage',
        `--exclude leaves out classes of another folder: regraft evaluate ${run} FOLDER --exclude …`,
      )
    if (options.labels !== undefined && options.exclude)
      throw new RegraftError('usage', '--exclude leaves out class folders; leave out rows of the --labels file instead')
    if (options.labels !== undefined && data === undefined)
      throw new RegraftError(
        'usage',
        `--labels names the classes of another folder's images: regraft evaluate ${run} FOLDER --labels …`,
      )
    if (options.out !== undefined && existsSync(join(options.out, 'config.json')))
      throw new RegraftError('usage', `--out ${options.out} is the folder of a run; name another`)
    if (data !== undefined && existsSync(data) && statSync(data).isFile()) await unpackFirst(data)
    const bar = progress({ label: 'Evaluating', unit: 'image' })
    const result = await evaluateRun(run, data, {
      part: options.part,
      ...(options.exclude ? { exclude: options.exclude } : {}),
      ...(options.labels === undefined ? {} : { labels: options.labels }),
      ...(options.reject ? { reject: passShare(options.pass) } : {}),
      ...(await compute(run, 32)),
      onProgress: (done, total) => bar.update(done, total),
    }).finally(() => bar.done())
    for (const message of result.warnings) warn(`warning: ${message}\n`)
    const warning = seenWarning(result.seen, result.images)
    if (warning !== undefined) warn(`warning: ${warning}\n`)
    const written = options.out === undefined ? undefined : await writeOut(options.out, run, result, options.language)
    if (options.json) {
      const { predictions: _, ...numbers } = result
      sayJson(numbers)
      return
    }
    say(`${accuracyText(result, result.perClass.length)}, ${plural(result.images, 'image')}\n`)
    if (result.without)
      say(
        `without images whose picture is in training or validation, too: ${accuracyText(result.without, result.perClass.length)}, ${plural(result.without.images, 'image')}\n`,
      )
    if (result.rejection) say(`${rejectionText(result.rejection)}\n`)
    if (written) say(`Report    ${written.html}, ${written.markdown}; predictions.csv and confusion.csv beside them\n`)
    if (!options.perClass) return
    const rows = result.perClass
      .filter(({ images }) => images > 0)
      .sort((a, b) => (a.top1 ?? 0) - (b.top1 ?? 0))
      .map(entry => [entry.class, String(entry.images), percent(entry.top1 ?? 0)])
    say(`\n${table(['class', 'images', 'top-1'], rows)}\n`)
  })

async function writeOut(folder: string, run: string, result: RunEvaluation, language: Language) {
  const { network, classes } = await readModel(run)
  const date = new Date().toISOString()
  return writeEvaluation(folder, result, { run, network, classes, date, language })
}

/** How many of which images pass. */
function rejectionText({ threshold, right, known, unknown }: NonNullable<RunEvaluation['rejection']>): string {
  const share = (part: number, whole: number) => (whole > 0 ? ` (${percent(part / whole)})` : '')
  const [wrong, passed] = [known.images - right.images, known.passed - right.passed]
  const lines = [
    `with a confidence below ${percent(threshold)} an image shows none of the classes: ${right.passed} of ${plural(right.images, 'image')} that are classified right pass${share(right.passed, right.images)}, and ${passed} of ${wrong} that are not${share(passed, wrong)}`,
    unknown.images > 0
      ? `of ${plural(unknown.classes.length, 'class', 'classes')} that the model does not know ${unknown.rejected} of ${plural(unknown.images, 'image')} are rejected${share(unknown.rejected, unknown.images)}`
      : 'there are no classes here that the model does not know',
  ]
  return lines.join('\n')
}

/** What a person should know where the run has seen some of the images. */
function seenWarning({ train, val }: SeenImages, images: number): string | undefined {
  if (train + val === 0) return undefined
  const told = [
    ...(train > 0 ? [`the run was trained on ${train}`] : []),
    ...(val > 0 ? [`${val} chose its best epoch`] : []),
  ]
  return `of these ${plural(images, 'image')} ${told.join(', and ')}: accuracy on new images is likely lower`
}
