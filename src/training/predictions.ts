/** Reads a run's predictions.csv: what became of each test image. */
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import { z } from 'zod'
import { csvText } from '../base/csv.js'
import { RegraftError } from '../base/errors.js'
import { readText } from '../base/readText.js'

export interface TestPrediction {
  /** Relative to the data folder. */
  readonly path: string
  readonly trueClass: string
  readonly predictedClass: string
  /** Of the predicted class. */
  readonly probability: number
  /** Cross-entropy of the true class; runs of older versions lack it. */
  readonly loss?: number | undefined
}

const rows = z.array(
  z
    .object({
      path: z.string().transform(csvText),
      true: z.string().transform(csvText),
      predicted: z.string().transform(csvText),
      probability: z.coerce.number(),
      loss: z.coerce.number().optional(),
    })
    .transform(
      ({ path, true: trueClass, predicted: predictedClass, probability, loss }): TestPrediction => ({
        path,
        trueClass,
        predictedClass,
        probability,
        loss,
      }),
    ),
)

/** Empty where the run has not finished. @throws RegraftError('run') where the file is damaged */
export async function readPredictions(run: string): Promise<readonly TestPrediction[]> {
  const path = join(run, 'predictions.csv')
  const text = await readText(path)
  if (text === undefined) return []
  try {
    return rows.parse(parse(text, { columns: true, skip_empty_lines: true }))
  } catch (error) {
    throw new RegraftError(
      'run',
      `${path} is damaged; 'regraft train' writes it with the columns path, true, predicted, probability and loss`,
      { cause: error },
    )
  }
}
