/** `regraft find-lr`: which learning rates suit these images, for the head and for the trunk. */
import { mkdir } from 'node:fs/promises'
import { Command } from 'commander'
import { RegraftError } from '../base/errors.js'
import { writing } from '../base/files.js'
import { shellWord } from '../base/shell.js'
import { flags, lrFinderFigure, writeFigure } from '../report/index.js'
import { findRates, type RateFinding } from '../study/index.js'
import { checkOptions, trainingOptions } from '../training/index.js'
import { openData } from './dataFolder.js'
import { interruptSignal } from './interrupt.js'
import { addOptions } from './options.js'
import { showTraining } from './showTraining.js'
import { say } from './terminal/say.js'

/** With fewer, neighbouring rates are a decade apart. */
const fewestSteps = 8

const rate = (value: number) => value.toExponential(1).replace('.0', '').replace('e+', 'e')

const sentence = ({ part, suggestion, lowest, diverged }: RateFinding): string =>
  `--lr-${part} ${rate(suggestion)}: a tenth of ${rate(lowest)}, where the loss was lowest${
    diverged === undefined ? '' : `; at ${rate(diverged)} it had doubled again`
  }`

export const findLrCommand = addOptions(
  new Command('find-lr')
    .description('find learning rates: the loss while the rate rises, for the head and then for the trunk')
    .argument('<data>', "folder with one folder per class, an archive of one, or 'caltech101'"),
  trainingOptions.pick({
    network: true,
    weights: true,
    weightsPrefix: true,
    match: true,
    batchSize: true,
    size: true,
    optimiser: true,
    momentum: true,
    weightDecay: true,
    augment: true,
    labels: true,
    exclude: true,
    seed: true,
    engine: true,
    precision: true,
    memory: true,
    threads: true,
  }),
)
  .option('--steps <N>', 'steps of each sweep', Number, 100)
  .option('--out <FOLDER>', 'where the figures go', '.')
  .action(async (data: string, given: { steps: number; out: string } & Record<string, unknown>) => {
    const { steps, out, ...options } = given
    if (!(Number.isInteger(steps) && steps >= fewestSteps))
      throw new RegraftError('usage', `--steps ${steps}: expected a whole number, ${fewestSteps} or more`)
    await writing(out, () => mkdir(out, { recursive: true }))
    const { exclude, labels } = checkOptions({
      ...options,
      ...(options.precision === 'auto' ? { precision: 'float32' } : {}),
    })
    const signal = interruptSignal()
    const dataset = await openData(data, { exclude, labels }, signal)
    const shown = showTraining()
    const onEvent = shown.listen
    const findings = await findRates(dataset, options, { steps, onEvent, signal }).finally(shown.close)
    for (const finding of findings) {
      const figure = await writeFigure(out, `lr-${finding.part}`, lrFinderFigure(finding))
      say(`${sentence(finding)}  (${figure})\n`)
    }
    // As typed: 1e-2, not 0.01
    const found = findings.flatMap(({ part, suggestion }) => `--lr-${part} ${rate(suggestion)}`)
    const others = Object.entries(options).flatMap(([name, value]) => flags(name, value))
    say(`\nTrain with them:\n  ${[`regraft train ${shellWord(data)}`, ...others, ...found].join(' \\\n    ')}\n`)
  })
