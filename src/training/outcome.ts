/** What a finished run leaves: its result, the predictions of the test split, and the model that is shipped. */
import { join } from 'node:path'
import type { ImageSample } from '../data/index.js'
import { chooseTemperature, reliability, type Scored } from './calibration.js'
import { bestEpochsWeights, modelCard } from './card.js'
import type { Evaluation } from './evaluate.js'
import { bestOf } from './fit.js'
import { countsOf, perClass, summarise, withInterval } from './metrics.js'
import { writeModel } from './model.js'
import type { NormStatistics } from './normStatistics.js'
import { rejectionOf } from './rejection.js'
import {
  type EpochRecord,
  type RunConfig,
  type RunResult,
  testedWith,
  writePredictions,
  writeResult,
} from './runFolder.js'

export interface Outcome {
  readonly run: string
  readonly config: RunConfig
  readonly history: readonly EpochRecord[]
  readonly samples: readonly ImageSample[]
  /** Of the best epoch's weights. */
  readonly validation: Evaluation
  readonly test: Evaluation
  /** Every parameter and statistic of the best epoch. */
  readonly values: ReadonlyMap<string, Float32Array>
  /** Which statistics of batch norms those are. */
  readonly normStatistics: NormStatistics
  readonly seconds: RunResult['seconds']
  /** Bytes of the training step. */
  readonly memory: number
}

/** Writes predictions.csv, the model folder and, last, result.json, which says that the run has finished. */
export async function writeOutcome(outcome: Outcome): Promise<RunResult> {
  const { run, config, samples, test, values } = outcome
  const result = resultOf(outcome)
  const rows = [...test.predictions].map(([index, { predicted, probability, loss }]) => {
    const { path, label } = samples[index]!
    const [trueClass, predictedClass] = [config.classes[label]!, config.classes[predicted]!]
    return { path, trueClass, predictedClass, probability, loss }
  })
  await writePredictions(run, rows)
  const { network, classes, options } = config
  const preprocessing = testedWith(config)
  const tta = options.tta === 'none' ? {} : { tta: options.tta }
  const temperature = result.calibration ? { temperature: result.calibration.temperature } : {}
  const sure = rejectionOf(outcome.validation.scored)
  const optional = { ...temperature, ...tta, ...(sure ? { rejection: sure } : {}) }
  const model = { format: 'regraft-model-1', network, classes, preprocessing, ...optional, values } as const
  await writeModel(join(run, 'model'), model, modelCard(config, result, bestEpochsWeights(config, result)))
  await writeResult(run, result)
  return result
}

/** Of the test images whose picture is in training or validation, too, and what the others come to. */
function acrossOf({ config, samples, test }: Outcome): RunResult['across'] {
  if (!config.across) return undefined
  const twins = new Set(config.across.test)
  const indices = [...test.predictions.keys()]
  const counts = countsOf(config.classes.length, test.scored, place => !twins.has(samples[indices[place]!]!.path))
  return {
    images: config.across.images,
    test: test.scored.length - counts.images,
    ...(counts.images > 0 && counts.images < test.scored.length ? { without: withInterval(summarise(counts)) } : {}),
  }
}

function calibrationOf(validation: readonly Scored[], test: readonly Scored[]): RunResult['calibration'] {
  const { temperature, refused } = chooseTemperature(validation, test)
  const [before, after] = [reliability(test), reliability(test, temperature)]
  return { temperature, before, after, ...(refused ? { refused } : {}) }
}

function resultOf(outcome: Outcome): RunResult {
  const { config, history, validation, test, seconds, memory } = outcome
  const across = acrossOf(outcome)
  const best = bestOf(history) as EpochRecord
  const classes = config.classes.length
  const tested = test.scored.length > 0
  return {
    bestEpoch: best.epoch,
    ...(best.validation ? { validation: withInterval(summarise(validation.counts)) } : {}),
    ...(tested ? { test: withInterval(summarise(test.counts)) } : {}),
    ...(across ? { across } : {}),
    perClass: perClass(test.counts).map(({ images, top1 }, c) => ({
      class: config.classes[c] as string,
      images,
      ...(top1 === undefined ? {} : { top1 }),
    })),
    confusion: config.classes.map((_, c) => test.counts.confusion.slice(c * classes, (c + 1) * classes)),
    ...(tested && best.validation ? { calibration: calibrationOf(validation.scored, test.scored) } : {}),
    ...(config.options.normStatistics === 'running' ? {} : { normStatistics: outcome.normStatistics }),
    memory,
    seconds,
  }
}
