/** The figures of a run, made from its folder alone. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { RegraftError } from '../base/errors.js'
import { type ResolvedOptions, readConfig, readHistory, readResult } from '../training/index.js'
import { confusionMatrix } from './confusionMatrix.js'
import { accuracyCurves, lossCurves } from './curves.js'
import { writeFigure } from './figure.js'
import { rateText } from './lrFinder.js'
import { reliabilityDiagram } from './reliability.js'
import { appendImage } from './tensorboard.js'

/** What tells the figures of different runs apart in one folder: 'ep30_bs32_lrh1e-3_lrb1e-2'. */
export const settingsStem = ({ epochs, batchSize, lrHead, lrBackbone }: ResolvedOptions): string =>
  `ep${epochs}_bs${batchSize}_lrh${rateText(lrHead)}_lrb${rateText(lrBackbone)}`

/**
 * Writes accuracy, loss, the confusion matrix and the reliability diagram into the run's `figures` folder; the curves
 * also under names that tell the settings: `acc_ep30_bs32_lrh1e-3_lrb1e-2`.
 * @returns the paths of the PNG files
 * @throws RegraftError('run') where the run has not finished
 */
export async function writeRunFigures(run: string): Promise<string[]> {
  const [config, history, result] = await Promise.all([readConfig(run), readHistory(run), readResult(run)])
  if (!result) throw new RegraftError('run', `${run} has not finished; go on with: regraft train --resume ${run}`)
  const folder = join(run, 'figures')
  const stem = settingsStem(config.options)
  const { bestEpoch, confusion, calibration } = result
  const figures = {
    accuracy: { names: ['accuracy', `acc_${stem}`], spec: accuracyCurves(history, bestEpoch) },
    loss: { names: ['loss', `loss_${stem}`], spec: lossCurves(history, bestEpoch) },
    confusion: { names: ['confusion'], spec: confusionMatrix(confusion, config.classes) },
    ...(calibration ? { reliability: { names: ['reliability'], spec: reliabilityDiagram(calibration) } } : {}),
  }
  const paths: string[] = []
  for (const [name, { names, spec }] of Object.entries(figures)) {
    const path = await writeFigure(folder, names, spec)
    await appendImage(run, name, history.length, await readFile(path))
    paths.push(path)
  }
  return paths
}
