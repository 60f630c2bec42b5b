/** Reads everything that a run folder holds for its report. What older versions did not write may be missing. */
import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { RegraftError } from '../base/errors.js'
import { type EpochRecord, type RunConfig, readConfig, readHistory, resultFile, scratchOf } from '../training/index.js'
import { sha256OfFile } from '../weights/index.js'
import { type PictureIndex, readPictureIndex } from './pictureIndex.js'
import { readPredictions, type TestPrediction } from './predictions.js'

const partition = z.object({
  images: z.number(),
  loss: z.number(),
  top1: z.number(),
  top5: z.number(),
  meanPerClass: z.number(),
  interval: z.tuple([z.number(), z.number()]),
})

const reliability = z.object({
  /** Expected calibration error, a share. */
  ece: z.number(),
  /** By falling or rising confidence; means over the bin's images. */
  bins: z.array(z.object({ confidence: z.number(), accuracy: z.number(), images: z.number() })),
})

const resultSchema = z.object({
  bestEpoch: z.number(),
  validation: partition.optional(),
  test: partition.optional(),
  perClass: z.array(z.object({ class: z.string(), images: z.number(), top1: z.number().optional() })),
  /** [true class][predicted class] */
  confusion: z.array(z.array(z.number())),
  calibration: z.object({ temperature: z.number(), before: reliability, after: reliability }).optional(),
  /** Bytes that the training step holds. */
  memory: z.number().optional(),
  seconds: z.object({ total: z.number(), features: z.number().optional(), training: z.number() }),
})

export type Partition = z.infer<typeof partition>
export type Reliability = z.infer<typeof reliability>
export type ReportedResult = z.infer<typeof resultSchema>

/** A file of weights with its checksum. */
export interface WeightsFile {
  readonly path: string
  readonly sha256: string
  readonly bytes: number
}

export interface ReportedRun {
  readonly folder: string
  readonly config: RunConfig
  readonly history: readonly EpochRecord[]
  /** Epochs of the same run from random weights; empty where there is none. */
  readonly scratch: readonly EpochRecord[]
  /** Absent while the run has not finished. */
  readonly result?: ReportedResult | undefined
  /** Of the test images. */
  readonly predictions: readonly TestPrediction[]
  readonly pictures?: PictureIndex | undefined
  /** What is shipped. */
  readonly weights?: WeightsFile | undefined
}

/** @throws RegraftError('run') where the folder holds no run, or one of its files is damaged */
export async function readRun(folder: string): Promise<ReportedRun> {
  const run = resolve(folder)
  const [config, history, scratch, result, predictions, pictures, weights] = await Promise.all([
    readConfig(run),
    readHistory(run),
    readHistory(scratchOf(run)),
    readResult(run),
    readPredictions(run),
    readPictureIndex(run),
    readWeightsFile(join(run, 'model', 'model.safetensors')),
  ])
  if (result && result.confusion.length !== config.classes.length)
    throw new RegraftError('run', `${resultFile(run)} is damaged: its confusion matrix does not fit the classes`)
  return { folder: run, config, history, scratch, result, predictions, pictures, weights }
}

/** result.json, or undefined where the run has not finished. @throws RegraftError('run') where it is damaged */
export async function readResult(run: string): Promise<ReportedResult | undefined> {
  const path = resultFile(run)
  if (!existsSync(path)) return undefined
  let content: unknown
  try {
    content = JSON.parse(await readFile(path, 'utf8'))
  } catch {
    throw new RegraftError('run', `${path} is damaged: it is no JSON`)
  }
  const parsed = resultSchema.safeParse(content)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new RegraftError('run', `${path} is damaged: ${issue?.path.join('.')}: ${issue?.message}`)
}

async function readWeightsFile(path: string): Promise<WeightsFile | undefined> {
  if (!existsSync(path)) return undefined
  return { path, sha256: await sha256OfFile(path), bytes: (await stat(path)).size }
}
