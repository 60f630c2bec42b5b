/** Shows a run in the terminal: progress bars while it works, one line per epoch, accuracies at the end. */

import { plural } from '../base/plural.js'
import type { Finished, Listener, Progress, RunResult } from '../training/index.js'
import { accuracyText } from './accuracyText.js'
import { epochLine } from './epochLine.js'
import { bytes, duration, percent } from './terminal/format.js'
import { type ProgressBar, progress } from './terminal/progress.js'
import { say, warn } from './terminal/say.js'

const labels: Readonly<Record<Progress['task'], string>> = {
  archive: 'Unpacking',
  weights: 'Downloading weights',
  images: 'Checking images',
  duplicates: 'Looking for near-duplicates',
  pairs: 'Comparing pictures in pairs',
  features: 'Computing features',
  training: 'Training',
  validation: 'Validating',
  statistics: 'Computing statistics of batch norms',
  test: 'Testing',
}

const print = (line: string) => say(`${line}\n`)

/** A listener that shows events, and a way to end whatever bar is open. */
export function showTraining(): { readonly listen: Listener; readonly close: () => void } {
  let bar: ProgressBar | undefined
  let shown = ''
  let rated = true
  const close = () => {
    bar?.done()
    bar = undefined
    shown = ''
  }
  const listen: Listener = event => {
    if (event.type === 'progress') {
      const label = `${labels[event.task]}${event.epoch === undefined ? '' : `, epoch ${event.epoch}`}`
      if (label !== shown) {
        close()
        bar = progress({
          label,
          total: event.total,
          unit: event.unit,
          transient: event.epoch !== undefined,
        })
        shown = label
      }
      bar?.update(event.done, event.total)
      return
    }
    close()
    if (event.type === 'warning') warn(`warning: ${event.message}\n`)
    else if (event.type === 'note') print(event.message)
    else if (event.type === 'plan') {
      const { train, validation, test } = event.images
      rated = event.trainedFrom === 'images'
      print(
        `${train} training, ${validation} validation and ${test} test images; engine ${event.engine}, ${bytes(event.bytes)} for the training step`,
      )
      if (event.trainedFrom !== 'images')
        print('The trunk is frozen: its features were computed once, without augmentation.')
    } else {
      print(epochLine(event, rated, process.stdout.columns || Number.POSITIVE_INFINITY))
    }
  }
  return { listen, close }
}

const line = (name: string, metrics: NonNullable<RunResult['test']>, classes: number): string =>
  `${name}: ${accuracyText(metrics, classes)}, ${plural(metrics.images, 'image')}`

/** Of a temperature that is not used, or that helps the validation images and not the test images. */
function calibrationLines({ temperature, before, after, refused }: NonNullable<RunResult['calibration']>): string[] {
  if (refused)
    return [
      `calibration: the temperature fitted on validation images (${refused.fitted.toFixed(2)}) ${refusals[refused.reason]} and is not used`,
    ]
  if (after.ece <= before.ece) return []
  return [
    `calibration: the temperature fitted on validation images (${temperature.toFixed(2)}) makes it worse on the test images: the calibration error goes from ${percent(before.ece)} to ${percent(after.ece)} (predict --no-calibration leaves it out)`,
  ]
}

const refusals = {
  bound: 'came to the end of its range',
  unproven: 'does not help where it was tried on validation images held out',
  worse: 'makes it worse on the test images',
}

/** The accuracies, and where the files are. */
export function showFinished({ run, config, history, result }: Finished): void {
  const classes = config.classes.length
  print(
    `\n${result.validation ? '* best validation accuracy' : 'no validation images, so the last'}: epoch ${result.bestEpoch} of ${history.length}, whose weights are tested and shipped`,
  )
  if (result.validation) print(line('validation', result.validation, classes))
  if (result.test) print(line('test      ', result.test, classes))
  if (result.across && result.across.test > 0) {
    const { test, without } = result.across
    print(
      `${test} test ${test === 1 ? 'image shows' : 'images show'} the same picture as images in training or validation; without ${test === 1 ? 'it' : 'them'}:`,
    )
    print(without ? line('test      ', without, classes) : 'test      : none is left')
  }
  if (result.calibration) for (const said of calibrationLines(result.calibration)) print(said)
  const { features, training, total } = result.seconds
  print(
    `${features === undefined ? '' : `features ${duration(features)}, `}epochs ${duration(training)}, in all ${duration(total)}`,
  )
  print(`\nResults   ${run}/result.json, metrics.jsonl, predictions.csv`)
  print(`Model     ${run}/model`)
}

export function showFigures(paths: readonly string[]): void {
  print(`Figures   ${paths.join(', ')}`)
}
