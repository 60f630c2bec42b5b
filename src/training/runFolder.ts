/** The run folder: plain files that hold everything a run was and did. */
import { existsSync } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { csvField } from '../base/csv.js'
import { RegraftError } from '../base/errors.js'
import { mayWrite, writeFileAtomic, writeJson, writing } from '../base/files.js'
import { checkedJson, parseJson } from '../base/json.js'
import { preprocessingSchema } from '../base/preprocessing.js'
import { readText } from '../base/readText.js'
import { trainingOptions } from './options.js'

const metricsSchema = z.object({
  images: z.number(),
  loss: z.number(),
  top1: z.number(),
  top5: z.number(),
  meanPerClass: z.number(),
})

const epochSchema = z.object({
  /** From 1, as people count. */
  epoch: z.number().int().positive(),
  lrBackbone: z.number(),
  lrHead: z.number(),
  seconds: z.number(),
  /** Training images per second, decoding included. */
  imagesPerSecond: z.number(),
  train: metricsSchema,
  validation: metricsSchema.optional(),
})

/** One line of metrics.jsonl. */
export type EpochRecord = z.infer<typeof epochSchema>

const configSchema = z.object({
  options: trainingOptions.extend({ precision: z.enum(['float32', 'bfloat16']) }),
  data: z.string(),
  classes: z.array(z.string()),
  split: z.object({ train: z.array(z.string()), val: z.array(z.string()), test: z.array(z.string()) }),
  /** Where the images came with a split: what gave it, and the parts that it lacked and that were taken from training. */
  ownSplit: z.object({ from: z.enum(['folder', 'labels']), taken: z.array(z.enum(['validation', 'test'])) }).optional(),
  /** Images that show the same picture as one in another part, and which of them test. */
  across: z.object({ images: z.number().int(), test: z.array(z.string()) }).optional(),
  network: z.string(),
  preprocessing: preprocessingSchema,
  /** Of validation, testing and the shipped model, where it is another. */
  testPreprocessing: preprocessingSchema.optional(),
  /** What was decided where the options left it open. */
  resolved: z.object({
    augment: z.enum(['crop-flip', 'trivial', 'none']),
    cacheFeatures: z.boolean(),
    /** What was kept on one side of the split. */
    grouping: z.enum(['crops', 'near', 'none']).default('none'),
    batchSize: z.number().int(),
    /** What a program brought of its own: a schedule, and the digest of an augmentation. */
    own: z.object({ schedule: z.boolean().optional(), augmentation: z.string().optional() }).optional(),
  }),
  provenance: z.object({
    source: z.string(),
    file: z.string().optional(),
    sha256: z.string().optional(),
    origin: z.string().optional(),
    licence: z.string().optional(),
  }),
  environment: z.object({
    regraft: z.string(),
    node: z.string(),
    platform: z.string(),
    cpu: z.string(),
    engine: z.enum(['auto', 'onednn', 'onnxruntime', 'webgpu']),
    /** What the engine computes with: its library, and for a GPU which one, its tiles and how it sums. */
    library: z.string().optional(),
    threads: z.number().int(),
  }),
  started: z.string(),
})

/** config.json: every option resolved, the split, versions, engine and CPU. */
export type RunConfig = z.infer<typeof configSchema>

/** How images are prepared for validation, testing and the shipped model: as in training, but for `testScale`. */
export const testedWith = ({ testPreprocessing, preprocessing }: RunConfig): RunConfig['preprocessing'] =>
  testPreprocessing ?? preprocessing

const withInterval = metricsSchema.extend({ interval: z.tuple([z.number(), z.number()]) })

/** A partition's metrics with the 95 % interval of its top-1 accuracy. */
export type WithInterval = z.infer<typeof withInterval>

const reliabilitySchema = z.object({
  ece: z.number(),
  bins: z.array(z.object({ confidence: z.number(), accuracy: z.number(), images: z.number() })).readonly(),
})

const resultSchema = z.object({
  bestEpoch: z.number().int(),
  validation: withInterval.optional(),
  test: withInterval.optional(),
  /**
   * Where images show the same picture as one in another part: how many, how many of them test, and the test metrics
   * without those.
   */
  across: z.object({ images: z.number(), test: z.number(), without: withInterval.optional() }).optional(),
  perClass: z.array(z.object({ class: z.string(), images: z.number(), top1: z.number().optional() })),
  /** Of the test split: [true class][predicted class]. */
  confusion: z.array(z.array(z.number())),
  /**
   * Of the test split, before and after the temperature that was fitted on the validation split. Where that one did not
   * prove itself, it is `refused`, and the temperature that is used is 1; `worse` is a reason of older versions.
   */
  calibration: z
    .object({
      temperature: z.number(),
      before: reliabilitySchema,
      after: reliabilitySchema,
      refused: z
        .object({ fitted: z.number(), reason: z.enum(['bound', 'unproven', 'worse']), ece: z.number() })
        .optional(),
    })
    .optional(),
  /** Statistics of batch norms that are tested and shipped, where they were not simply those that ran with training. */
  normStatistics: z.enum(['running', 'recomputed']).optional(),
  /** Bytes that the training step holds. */
  memory: z.number().optional(),
  seconds: z.object({ total: z.number(), features: z.number().optional(), training: z.number() }),
})

/** result.json. */
export type RunResult = z.infer<typeof resultSchema>

const configFile = (run: string) => join(run, 'config.json')
const metricsFile = (run: string) => join(run, 'metrics.jsonl')

/** A folder under runs/ that does not exist yet, named after data and network. */
export function freshRunFolder(data: string, network: string): string {
  const base = join('runs', `${data}-${network}`.replace(/[^\p{L}\p{N}._-]+/gu, '-'))
  let folder = base
  for (let i = 2; existsSync(folder); i++) folder = `${base}-${i}`
  return folder
}

/** @throws RegraftError('run') where the folder already holds a run */
export function assertUnused(run: string): void {
  if (existsSync(configFile(run)))
    throw new RegraftError(
      'run',
      `${run} already holds a run; go on with --resume ${run}, or choose another --run FOLDER`,
    )
}

/** Makes the folder and writes config.json. */
export async function createRun(run: string, config: RunConfig): Promise<void> {
  await writing(run, () => mkdir(run, { recursive: true }))
  await writeJson(configFile(run), config)
}

/** @throws RegraftError('run') where the folder holds no run, or its config.json is damaged */
export async function readConfig(run: string): Promise<RunConfig> {
  const text = await readText(configFile(run))
  if (text === undefined)
    throw new RegraftError(
      'run',
      `${run} holds no run (there is no config.json); name a folder that 'regraft train' made`,
    )
  return checkedJson(configFile(run), text, configSchema)
}

/**
 * The epochs recorded so far. A last line that a crash cut off is ignored, and so is an epoch that stands there already:
 * a process that was given up for dead may have appended it once more, with the same numbers.
 */
export async function readHistory(run: string): Promise<EpochRecord[]> {
  const text = (await readText(metricsFile(run))) ?? ''
  const history: EpochRecord[] = []
  for (const line of text.split('\n')) {
    const parsed = epochSchema.safeParse(parseJson(line))
    if (parsed.success && parsed.data.epoch > (history.at(-1)?.epoch ?? 0)) history.push(parsed.data)
  }
  return history
}

/** Appends one epoch to metrics.jsonl and flushes it to the disk. */
export const appendEpoch = (run: string, record: EpochRecord): Promise<void> =>
  writing(metricsFile(run), async () => {
    await mayWrite(metricsFile(run))
    const file = await open(metricsFile(run), 'a')
    try {
      await file.appendFile(`${JSON.stringify(record)}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
  })

/** Writes the epochs anew: after a crash the last one may be recorded, but not in the checkpoint. */
export const rewriteHistory = (run: string, history: readonly EpochRecord[]): Promise<void> =>
  writeFileAtomic(metricsFile(run), history.map(record => `${JSON.stringify(record)}\n`).join(''))

/** Where a finished run's results stand. */
export const resultFile = (run: string): string => join(run, 'result.json')

/** What a finished run reached; undefined while it has not finished. @throws RegraftError('run') where it is damaged */
export async function readResult(run: string): Promise<RunResult | undefined> {
  const text = await readText(resultFile(run))
  return text === undefined ? undefined : checkedJson(resultFile(run), text, resultSchema)
}

export const writeResult = (run: string, result: RunResult): Promise<void> => writeJson(resultFile(run), result)

/** One line of predictions.csv. */
export interface PredictionRow {
  readonly path: string
  readonly trueClass: string
  readonly predictedClass: string
  readonly probability: number
  /** Cross-entropy of the true class. */
  readonly loss: number
}

export function writePredictions(run: string, rows: readonly PredictionRow[]): Promise<void> {
  const lines = rows.map(row =>
    [row.path, row.trueClass, row.predictedClass]
      .map(csvField)
      .concat(row.probability.toFixed(4), row.loss.toFixed(4))
      .join(','),
  )
  return writeFileAtomic(
    join(run, 'predictions.csv'),
    `${['path,true,predicted,probability,loss', ...lines].join('\n')}\n`,
  )
}
