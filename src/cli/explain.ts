/** `regraft explain`: shows where in an image the network sees what it says. */
import { existsSync, statSync } from 'node:fs'
import { basename, extname, join } from 'node:path'
import { Command } from 'commander'
import { RegraftError } from '../base/errors.js'
import { writeFileAtomic } from '../base/files.js'
import { loadExplainer } from '../inference/index.js'
import { addComputing, type ComputingOptions, computing } from './computing.js'
import { expand } from './predict.js'
import { addPretrained, type PretrainedOptions, pretrained } from './pretrained.js'
import { percent } from './terminal/format.js'
import { say, warn } from './terminal/say.js'

interface ExplainOptions extends ComputingOptions, PretrainedOptions {
  readonly class?: string
  readonly out?: string
  readonly calibration: boolean
}

export const explainCommand = addPretrained(
  addComputing(
    new Command('explain')
      .description('show where in an image the network sees what it says: a heat map over the image, by Grad-CAM')
      .argument(
        '<paths...>',
        'a run folder, then image files, folders or globs; with --weights or --network images only',
      ),
    'float32',
  ),
)
  .option('--class <NAME>', 'explain this class instead of the most probable one')
  .option('--out <PATH>', 'a PNG file for one image, a folder for several; default: IMAGE-gradcam.png here')
  .option('--no-calibration', "leave out the temperature that was fitted on the run's validation images")
  .addHelpText(
    'after',
    '\nExamples:\n  regraft explain runs/photos-resnet50 cat.jpg\n  regraft explain runs/photos-resnet50 cat.jpg --class dog --out dog.png\n  regraft explain runs/photos-resnet50 holiday --out explained\n  regraft explain --weights mine.pth --classes names.txt cat.jpg',
  )
  .action(async (given: string[], options: ExplainOptions) => {
    const { class: name, out, weights, network } = options
    const trained = weights === undefined && network === undefined
    const compute = computing(options)
    const [run, ...rest] = given as [string, ...string[]]
    const images = await expand(trained ? rest : given, 'explain')
    const model = (await pretrained(options)) ?? run
    const computed = await compute(model, 1)
    const explainer = await loadExplainer(model, { ...computed, calibration: options.calibration })
    const files = outputs(images, out)
    let bad = 0
    try {
      for (const [i, image] of images.entries())
        try {
          const explained = await explainer.explain(image, name)
          await writeFileAtomic(files[i]!, await explained.overlay())
          const { probability } = explained.scores.find(score => score.class === explained.class)!
          say(`${files[i]}: ${explained.class} ${percent(probability)}\n`)
        } catch (error) {
          if (!(error instanceof RegraftError && error.code === 'data') || images.length === 1) throw error
          warn(`${error.message}\n`)
          bad++
        }
    } finally {
      await explainer.close()
    }
    if (bad > 0)
      throw new RegraftError('data', `${bad} of ${images.length} images cannot be read; the others were explained`)
  })

/** Where the pictures go: no two to the same file. */
function outputs(images: readonly string[], out: string | undefined): string[] {
  const folder = out !== undefined && (images.length > 1 || (existsSync(out) && statSync(out).isDirectory()))
  if (folder && extname(out) !== '' && !existsSync(out))
    throw new RegraftError('usage', `--out ${out} is one file for ${images.length} images; name a folder`)
  if (out !== undefined && !folder) {
    if (extname(out).toLowerCase() !== '.png')
      throw new RegraftError('usage', `--out ${out}: the picture is a PNG; name it so`)
    return [out]
  }
  const used = new Map<string, number>()
  return images.map(image => {
    const stem = basename(image, extname(image))
    const before = used.get(stem) ?? 0
    used.set(stem, before + 1)
    return join(out ?? '.', `${stem}${before === 0 ? '' : `-${before + 1}`}-gradcam.png`)
  })
}
