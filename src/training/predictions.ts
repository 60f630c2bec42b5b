/** Reads a run's predictions.csv: what became of each test image. */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import { z } from 'zod'
import { csvText } from '../base/csv.js'
import { RegraftError } from '../base/errors.js'

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

const MAX_FILE_BYTES = 256 * 1024 * 1024

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
  const found = await stat(path).catch(() => undefined)
  if (!found) return []
  if (found.size > MAX_FILE_BYTES) throw new RegraftError('run', `${path} is larger than any list of predictions`)
  try {
    return rows.parse(parse(await readFile(path, 'utf8'), { columns: true, skip_empty_lines: true }))
  } catch (error) {
    throw new RegraftError(
      'run',
      `${path} is damaged; 'regraft train' writes it with the columns path, true, predicted, probability and loss`,
      { cause: error },
    )
  }
}
