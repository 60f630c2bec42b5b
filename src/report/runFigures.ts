/** The figures of a run, made from its folder alone. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { readConfig, readHistory, resultFile } from '../training/index.js'
import { confusionMatrix } from './confusionMatrix.js'
import { accuracyCurves, lossCurves } from './curves.js'
import { writeFigure } from './figure.js'
import { appendImage } from './tensorboard.js'

const resultSchema = z.object({ bestEpoch: z.number(), confusion: z.array(z.array(z.number())) })

/** Writes accuracy, loss and the confusion matrix into the run's `figures` folder. @returns the paths of the PNG files */
export async function writeRunFigures(run: string): Promise<string[]> {
  const [config, history] = await Promise.all([readConfig(run), readHistory(run)])
  const result = resultSchema.parse(JSON.parse(await readFile(resultFile(run), 'utf8')))
  const folder = join(run, 'figures')
  const specs = {
    accuracy: accuracyCurves(history, result.bestEpoch),
    loss: lossCurves(history, result.bestEpoch),
    confusion: confusionMatrix(result.confusion, config.classes),
  }
  const paths: string[] = []
  for (const [name, spec] of Object.entries(specs)) {
    const path = await writeFigure(folder, name, spec)
    await appendImage(run, name, history.length, await readFile(path))
    paths.push(path)
  }
  return paths
}
