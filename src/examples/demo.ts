/** `npm run demo`: draws a set of images, grafts a new head onto the trunk that ships with the project, and compares with training from scratch. */
import { rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { report } from '../cli/report.js'
import { showFigures, showFinished, showTraining } from '../cli/showTraining.js'
import { type Finished, imageFolder, predict, type TrainingOptions, train } from '../index.js'
import { overlaidAccuracy, shareRunFigures, writeFigure } from '../report/index.js'
import { demoShapes } from './pictogramShapes.js'
import { drawPictograms } from './pictograms.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = join(root, 'demo')
const at = (path: string) => relative(process.cwd(), path) || '.'
const trunk = join(root, 'assets', 'demo-trunk.safetensors')

await rm(folder, { recursive: true, force: true })
const images = join(folder, 'images')
console.log(`Drawing 600 images of ten classes into ${at(images)} …`)
await drawPictograms(images, { shapes: demoShapes, imagesPerClass: 60, size: 80, seed: 2 })
const data = await imageFolder(images)

const epochs = 8
const common: TrainingOptions = { network: 'resnet18-narrow', size: 64, batchSize: 32, epochs, gamma: 0.85 }

/** One run, shown as the command shows it. */
async function run(title: string, options: TrainingOptions): Promise<Finished> {
  console.log(`\n── ${title}`)
  const shown = showTraining()
  const finished = await train(data, { ...common, ...options }, { onEvent: shown.listen }).finally(shown.close)
  return finished
}

const grafted = await run('A new head grafted onto the pretrained trunk, both trained', {
  weights: trunk,
  lrBackbone: 1e-2,
  lrHead: 5e-2,
  run: join(folder, 'graft'),
})
const scratch = await run('The same network from random weights, for as many epochs', {
  weights: 'none',
  lrBackbone: 5e-2,
  lrHead: 5e-2,
  run: join(folder, 'scratch'),
})

showFinished({ ...grafted, run: at(grafted.run) })
await report(at(grafted.run))
const figures = await shareRunFigures(at(grafted.run))
showFigures(figures)
const comparison = await writeFigure(
  join(folder, 'figures'),
  'graft-against-scratch',
  overlaidAccuracy(
    new Map([
      ['grafted onto the pretrained trunk', grafted.history],
      ['from random weights', scratch.history],
    ]),
  ),
)

const [sample] = grafted.config.split.test
for await (const prediction of predict(grafted.run, [join(images, sample as string)], { top: 3 }))
  if ('scores' in prediction)
    console.log(
      `\n${at(prediction.path)} shows: ${prediction.scores.map(({ class: name, probability }) => `${name} ${(100 * probability).toFixed(1)} %`).join(', ')}`,
    )

const percent = (finished: Finished) => `${(100 * (finished.result.test?.top1 ?? 0)).toFixed(1)} %`
console.log(`\nTest accuracy after ${epochs} epochs: grafted ${percent(grafted)}, from scratch ${percent(scratch)}.`)
console.log(`Figures: ${[at(comparison), ...figures].join(', ')}`)
console.log('Your own images: npx regraft train FOLDER (one folder per class)')
