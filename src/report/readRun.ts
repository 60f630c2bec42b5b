/** Reads everything that a run folder holds for its report. What older versions did not write may be missing. */
import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { RegraftError } from '../base/errors.js'
import {
  type EpochRecord,
  type RunConfig,
  type RunResult,
  readConfig,
  readHistory,
  readPredictions,
  readResult,
  resultFile,
  scratchOf,
  type TestPrediction,
} from '../training/index.js'
import { sha256OfFile } from '../weights/index.js'
import { type PictureIndex, readPictureIndex } from './pictures/pictureIndex.js'

/** The weights that a run ships. */
export interface WeightsFile {
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
  readonly result?: RunResult | undefined
  /** Of the test images. */
  readonly predictions: readonly TestPrediction[]
  readonly pictures?: PictureIndex | undefined
  /** What is shipped. */
  readonly weights?: WeightsFile | undefined
}

/** @throws RegraftError('run') where the folder holds no run, or one of its files is damaged */
export async function readRun(run: string): Promise<ReportedRun> {
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
  return { folder: resolve(run), config, history, scratch, result, predictions, pictures, weights }
}

async function readWeightsFile(path: string): Promise<WeightsFile | undefined> {
  if (!existsSync(path)) return undefined
  return { sha256: await sha256OfFile(path), bytes: (await stat(path)).size }
}
