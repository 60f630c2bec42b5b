/** Shows a run in the terminal: progress bars while it works, one line per epoch, a table at the end. */
import type { Finished, Listener, Progress, RunResult } from '../training/index.js'
import { bytes, duration, percent, rate } from './terminal/format.js'
import { type ProgressBar, progress } from './terminal/progress.js'
import { say, warn } from './terminal/say.js'
import { table } from './terminal/table.js'

const labels: Readonly<Record<Progress['task'], string>> = {
  weights: 'Downloading weights',
  images: 'Checking images',
  duplicates: 'Looking for near-duplicates',
  features: 'Computing features of the frozen trunk',
  training: 'Training',
  validation: 'Validating',
  test: 'Testing',
}

const print = (line: string) => say(`${line}\n`)

/** A listener that shows events, and a way to end whatever bar is open. */
export function showTraining(): { readonly listen: Listener; readonly close: () => void } {
  let bar: ProgressBar | undefined
  let shown = ''
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
          unit: event.unit === 'byte' ? 'byte' : 'image',
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
      print(
        `${train} training, ${validation} validation and ${test} test images; engine ${event.engine}, ${bytes(event.bytes)} for the training step`,
      )
      if (event.trainedFrom !== 'images')
        print('The trunk is frozen: its features were computed once, without augmentation.')
    } else {
      const { record, epochs, best, remaining } = event
      const validation = record.validation
        ? `validation loss ${record.validation.loss.toFixed(3)}, accuracy ${percent(record.validation.top1)}${best ? ' (best so far)' : ''}`
        : 'no validation images'
      const left = remaining > 0 ? `, ${duration(remaining)} left` : ''
      print(
        `epoch ${String(record.epoch).padStart(String(epochs).length)}/${epochs}  training loss ${record.train.loss.toFixed(3)}, accuracy ${percent(record.train.top1)}  ${validation}  ${rate(record.imagesPerSecond, 'image')}${left}`,
      )
    }
  }
  return { listen, close }
}

const line = (name: string, metrics: NonNullable<RunResult['test']>): string =>
  `${name}: top-1 ${percent(metrics.top1)} (95 % interval ${percent(metrics.interval[0])} to ${percent(metrics.interval[1])}), top-5 ${percent(metrics.top5)}, mean per class ${percent(metrics.meanPerClass)}, loss ${metrics.loss.toFixed(3)}, ${metrics.images} images`

/** The table of epochs, the accuracies, and where the files are. */
export function showFinished({ run, history, result }: Finished): void {
  const rows = history.map(({ epoch, lrBackbone, lrHead, train, validation, seconds }) => [
    `${epoch}${epoch === result.bestEpoch ? ' *' : ''}`,
    lrBackbone.toPrecision(3),
    lrHead.toPrecision(3),
    train.loss.toFixed(3),
    percent(train.top1),
    validation?.loss.toFixed(3) ?? '',
    validation ? percent(validation.top1) : '',
    validation ? percent(validation.meanPerClass) : '',
    duration(seconds),
  ])
  print('')
  print(
    table(
      [
        'epoch',
        'lr backbone',
        'lr head',
        'train loss',
        'train top-1',
        'val loss',
        'val top-1',
        'val per class',
        'time',
      ],
      rows,
    ),
  )
  print(`\n* best validation accuracy: epoch ${result.bestEpoch}, whose weights are tested and shipped`)
  if (result.validation) print(line('validation', result.validation))
  if (result.test) print(line('test      ', result.test))
  if (result.across && result.across.test > 0) {
    const { test, without } = result.across
    print(
      `${test} test ${test === 1 ? 'image shows' : 'images show'} the same picture as images in training or validation; without ${test === 1 ? 'it' : 'them'}:`,
    )
    print(without ? line('test      ', without) : 'test      : none is left')
  }
  const refused = result.calibration?.refused
  if (refused)
    print(
      `calibration: the temperature fitted on validation images (${refused.fitted.toFixed(2)}) ${refused.reason === 'bound' ? 'came to the end of its range' : 'makes it worse on the test images'} and is not used`,
    )
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
