/** `regraft train`: fine-tunes a network on a folder of images, or resumes a run. */
import { mkdir } from 'node:fs/promises'
import { dirname, relative, resolve } from 'node:path'
import { Command, Option } from 'commander'
import { RegraftError } from '../base/errors.js'
import { kebab } from '../base/names.js'
import { shareRunFigures, tensorboard } from '../report/index.js'
import {
  type Listener,
  type RecipeName,
  recipeNames,
  recipes,
  resume,
  train,
  trainingOptions,
} from '../training/index.js'
import { openData } from './dataFolder.js'
import { interruptSignal } from './interrupt.js'
import { addOptions, readConfigFile } from './options.js'
import { report } from './report.js'
import { showFigures, showFinished, showTraining } from './showTraining.js'
import { say } from './terminal/say.js'

const examples = `
Examples:
  regraft train photos                                   fine-tune ResNet-50 on photos/<class>/*.jpg
  regraft train photos.zip                               the same, unpacked into the cache
  regraft train photos --network mobilenet_v2 --epochs 10
  regraft train photos --lr-backbone 0 --epochs 30       train the last layer only: minutes instead of hours
  regraft train photos --recipe best                     all that is known to help; docs/results.md says by how much
  regraft train photos --weights model.pth --run runs/first
  regraft train photos --config run.yaml                 the same options, from a file
  regraft train --resume runs/first                      go on after an interruption
  regraft train caltech101                               the reference data set, downloaded`

export const trainCommand = addOptions(
  new Command('train')
    .description('fine-tune a pretrained network on a folder of class folders')
    .argument('[data]', "folder with one folder per class, an archive (zip, tar, tar.gz) of one, or 'caltech101'"),
  trainingOptions,
)
  .addOption(
    new Option(
      '--recipe <NAME>',
      'settings that work together: fast (the last layer, minutes) or best (everything, hours); other options count before it',
    ).choices(recipeNames),
  )
  .option('--config <FILE>', 'YAML file with the same options under the same names')
  .option('--dashboard', 'a page that shows the run and those beside it, while it trains')
  .option('--resume <FOLDER>', 'go on with an interrupted run, in another --memory or on another --engine if you like')
  .addHelpText('after', examples)
  .action(
    async (
      data: string | undefined,
      given: { config?: string; recipe?: RecipeName; resume?: string; dashboard?: boolean } & Record<string, unknown>,
    ) => {
      const { config, recipe, resume: run, dashboard, ...options } = given
      const page = dashboard
        ? await showDashboard(dirname(resolve(run ?? String(options.run ?? 'runs/new'))))
        : undefined
      const shown = showTraining()
      const events = tensorboard()
      const onEvent: Listener = event => {
        shown.listen(event)
        events.listen(event)
      }
      const hooks = { onEvent, signal: interruptSignal() }
      try {
        const finished = await (run === undefined
          ? begin(data, { config, recipe }, options, hooks)
          : goOn(run, data, recipe === undefined ? options : { ...options, recipe }, hooks))
        shown.close()
        await events.written()
        showFinished(finished)
        await report(finished.run)
        showFigures(await shareRunFigures(finished.run))
      } finally {
        shown.close()
        await page?.close()
      }
    },
  )

/** Serves the page for a folder of runs; any port will do where the usual one is taken. */
async function showDashboard(folder: string) {
  const { startServer } = await import('../server/index.js')
  await mkdir(folder, { recursive: true })
  const server = await startServer(undefined, { dashboard: folder }).catch(() =>
    startServer(undefined, { dashboard: folder, port: 0 }),
  )
  say(`Dashboard  ${server.url}, while it trains; later: regraft serve ${relative(process.cwd(), folder) || '.'}\n`)
  return server
}

type Hooks = Parameters<typeof resume>[1]

async function begin(
  data: string | undefined,
  { config, recipe }: { config: string | undefined; recipe: RecipeName | undefined },
  given: Record<string, unknown>,
  hooks: Hooks,
) {
  if (data === undefined)
    throw new RegraftError('usage', "name a folder of class folders: regraft train FOLDER (see 'regraft train --help')")
  const options = {
    ...(recipe === undefined ? {} : recipes[recipe]),
    ...(config === undefined ? {} : await readConfigFile(config, trainingOptions)),
    ...given,
  }
  const parsed = trainingOptions
    .pick({ exclude: true, labels: true })
    .safeParse({ exclude: options.exclude, labels: options.labels })
  const exclude = parsed.data?.exclude ?? []
  const dataset = await openData(data, { exclude, labels: parsed.data?.labels, keepFaults: true }, hooks?.signal)
  // The background class of Caltech-101 is no class; the run's config says that it was left out, so that a resume does it too.
  const left = data === 'caltech101' ? { exclude: [...exclude, 'BACKGROUND_Google'] } : {}
  return train(dataset, { ...options, ...left }, hooks)
}

async function goOn(run: string, data: string | undefined, options: Record<string, unknown>, hooks: Hooks) {
  const { memory, engine, ...others } = options
  const [other] = Object.keys(others)
  if (data !== undefined || other !== undefined)
    throw new RegraftError(
      'usage',
      `--resume goes on with the run's own data and options; leave out ${data ?? `--${kebab(other ?? '')}`}`,
    )
  const named = trainingOptions.shape.engine.safeParse(engine)
  if (!named.success) throw new RegraftError('usage', `--engine ${engine}: name auto, onednn, onnxruntime or webgpu`)
  return resume(run, hooks, {
    ...(memory === undefined ? {} : { memory: String(memory) }),
    ...(engine === undefined ? {} : { engine: named.data }),
  })
}
