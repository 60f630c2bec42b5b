/** `regraft predict`: says what images show. */
import { existsSync, statSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { Command } from 'commander'
import { glob } from 'tinyglobby'
import { RegraftError } from '../base/errors.js'
import { isArchive } from '../data/index.js'
import { type ImagePrediction, predict } from '../inference/index.js'
import { readTemperature } from '../training/index.js'
import { addComputing, type ComputingOptions, computing } from './computing.js'
import { unpackFirst } from './dataFolder.js'
import { addPretrained, type PretrainedOptions, pretrained } from './pretrained.js'
import { percent } from './terminal/format.js'
import { progress } from './terminal/progress.js'
import { say, sayJson, warn } from './terminal/say.js'
import { table } from './terminal/table.js'

interface PredictOptions extends ComputingOptions, PretrainedOptions {
  readonly top: number
  readonly calibration: boolean
  readonly reject?: boolean
  readonly pass: number
  readonly json?: boolean
}

const images = '**/*.{jpg,jpeg,png,webp,gif,tif,tiff,avif,heic,heif,bmp,dib,ppm,pgm,pnm}'

export const predictCommand = addPretrained(
  addComputing(
    new Command('predict')
      .description('classify images with a trained run, or with a pretrained network itself')
      .argument(
        '<paths...>',
        'a run folder, then image files, folders, archives or globs; with --weights or --network images only',
      ),
    'float32',
  ),
)
  .option('--top <N>', 'how many of the most probable classes to show', Number, 3)
  .option('--no-calibration', "leave out the temperature that was fitted on the run's validation images")
  .option('--reject', "say 'none of these' of images that the model is less sure of than of its validation images")
  .option(
    '--pass <PERCENT>',
    'of validation images that were classified right, how many --reject lets pass',
    Number,
    95,
  )
  .option('--json', 'one JSON object a line instead of a table')
  .addHelpText(
    'after',
    '\nExamples:\n  regraft predict runs/photos-resnet50 cat.jpg\n  regraft predict runs/photos-resnet50 "holiday/**/*.jpg" --json\n  regraft predict --weights efficientnet-lite0.pth cat.jpg\n  regraft predict --network resnet18 cat.jpg           # with its published weights',
  )
  .action(async (given: string[], options: PredictOptions) => {
    const { weights, network, top, calibration, json } = options
    const reject = options.reject ? { reject: passShare(options.pass) } : {}
    const compute = computing(options)
    const [run, ...rest] = given as [string, ...string[]]
    const trained = weights === undefined && network === undefined
    const paths = await expand(trained ? rest : given)
    const model = (await pretrained(options)) ?? run
    const computed = await compute(model)
    const results: ImagePrediction[] = []
    const bar = progress({ label: 'Classifying', unit: 'image', transient: true })
    try {
      for await (const result of predict(model, paths, { top, calibration, ...reject, ...computed })) {
        if (json) sayJson(result)
        else bar.update(results.length + 1, paths.length)
        results.push(result)
      }
    } finally {
      bar.done()
    }
    if (!json) say(`${asTable(results)}\n`)
    const own = typeof model === 'string' ? await readTemperature(model) : (model.temperature ?? 1)
    const temperature = calibration ? own : 1
    if (temperature !== 1) warn(calibrated(temperature))
    const bad = results.filter(result => 'error' in result).length
    if (bad > 0)
      throw new RegraftError(
        'data',
        `${bad} of ${results.length} images cannot be read${bad < results.length ? '; the others were classified' : ''}`,
      )
  })

/** '--pass 95' as a share. @throws RegraftError('usage') where it is none */
export function passShare(percent: number): number {
  if (percent > 0 && percent < 100) return percent / 100
  throw new RegraftError('usage', `--pass ${percent}: expected per cent between 0 and 100, such as 95`)
}

/** What is said beside calibrated probabilities. */
export const calibrated = (temperature: number): string =>
  `Probabilities are calibrated: logits are divided by ${temperature.toFixed(2)}, which was fitted on validation images; --no-calibration leaves that out.\n`

/** Files as they are, the images below folders, and what globs match. */
export async function expand(given: readonly string[], command = 'predict'): Promise<string[]> {
  if (given.length === 0)
    throw new RegraftError(
      'usage',
      `name images to ${command === 'predict' ? 'classify' : command}: regraft ${command} RUN IMAGE… (see 'regraft ${command} --help')`,
    )
  const found: string[] = []
  for (const named of given) {
    const isFile = existsSync(named) && statSync(named).isFile()
    if (isFile && !(await isArchive(named))) {
      found.push(named)
      continue
    }
    const path = isFile ? await unpackFirst(named) : named
    // Paths are told as they were given: relative ones stay so
    const matches = existsSync(path)
      ? (await glob(images, { cwd: path, caseSensitiveMatch: false })).map(found => join(path, found)).sort()
      : (await glob(path, { absolute: isAbsolute(path) })).sort()
    if (matches.length === 0)
      throw new RegraftError('data', `${named} is no file, holds no images, and matches none; check the path`)
    found.push(...matches)
  }
  return found
}

function asTable(results: readonly ImagePrediction[]): string {
  const rows = results.map(result =>
    'error' in result
      ? [result.path, `cannot be read (${result.error})`]
      : [
          result.path,
          ...(result.rejected ? ['none of these'] : []),
          ...result.scores.map(score => `${score.class} ${percent(score.probability)}`),
        ],
  )
  const columns = Math.max(...rows.map(row => row.length))
  const headers = ['image', 'prediction', ...Array.from({ length: columns - 2 }, (_, i) => `${i + 2}.`)]
  // Probabilities are read whole: less probable classes give way, and the path is cut
  const names = headers.slice(0, columns)
  const [, ...classes] = names
  return table(
    names,
    rows.map(row => [...row, ...new Array<string>(columns - row.length).fill('')]),
    {
      widest: 200,
      spare: classes.slice(1).reverse(),
      least: Object.fromEntries(classes.map(name => [name, 30])),
    },
  )
}
