/** Exports a trained model in 8 bits: ranges from training images, and what it costs and gains measured on others. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RegraftError } from '../base/errors.js'
import { writeFileAtomic, writing } from '../base/files.js'
import type { Preprocessing } from '../base/preprocessing.js'
import { decodeFile, evaluationCrop, normalisation, normalise } from '../data/index.js'
import {
  encodeModel,
  type OnnxModel,
  type OpenModel,
  openModel,
  quantise,
  type Range,
  rangedTensors,
  withParts,
  withRanges,
} from '../engines/index.js'
import { ranking, readModel } from '../training/index.js'
import { type ExportOptions, metadataOf, networkOf, partsOf, portsOf } from './exportOnnx.js'
import { imagesOf, type RunImages, spread } from './runImages.js'

/** Images for the ranges, images that are compared, and images of a batch. */
const [CALIBRATED, COMPARED, BATCH] = [64, 512, 16]

/** What 8 bits cost and gain, measured in ONNX Runtime on the same images; accuracies are fractions from 0 to 1. */
export interface Int8Comparison {
  readonly part: RunImages['part']
  readonly images: number
  readonly float32: { readonly top1: number; readonly imagesPerSecond: number }
  readonly int8: { readonly top1: number; readonly imagesPerSecond: number }
  /** Share of the images that both give the same class. */
  readonly agreement: number
}

export interface ExportedInt8 {
  readonly bytes: number
  readonly input: string
  readonly output: string
  /** Training images that the ranges come from. */
  readonly calibrated: number
  readonly comparison: Int8Comparison
}

type Progress = (task: 'calibrating' | 'comparing', done: number, total: number) => void

/**
 * Writes the network with convolutions in 8 bits; the last layer stays float32. Each activation's range is the mean, over
 * training images, of its least and greatest value. Runs in any runtime that knows QuantizeLinear and DequantizeLinear.
 * @param run folder of a finished run whose images are still there
 * @throws RegraftError('run') where there is no model or there are no images
 */
export async function exportInt8(
  run: string,
  path: string,
  options: ExportOptions = {},
  onProgress?: Progress,
): Promise<ExportedInt8> {
  const model = await readModel(run)
  const [training, held] = [await imagesOf(run, ['train']), await imagesOf(run, ['test', 'val', 'train'])]
  if (!training || !held)
    throw new RegraftError(
      'run',
      `8 bits need images to find their ranges on, and ${run} has none: its data folder is not there; name a run folder whose images still are`,
    )
  const network = networkOf(model)
  const chosen = spread(training.paths, CALIBRATED)
  const aside = await writing(tmpdir(), () => mkdtemp(join(tmpdir(), 'regraft-int8-')))
  try {
    const opened = async (name: string, content: OnnxModel) => {
      const file = join(aside, name)
      await writing(file, () => writeFile(file, encodeModel(content)))
      return openModel(file)
    }
    const { ranges, calibrated } = await rangesOf(
      await opened('ranges.onnx', withRanges(network)),
      network,
      chosen,
      model.preprocessing,
      done => onProgress?.('calibrating', done, chosen.length),
    )
    const small = quantise(network, ranges)
    const temperature = options.calibration === false ? 1 : (model.temperature ?? 1)
    const parts = partsOf(model, options, temperature)
    const bytes = encodeModel({ ...withParts(small, parts), metadata: metadataOf(model, temperature) })
    const models = [await opened('float32.onnx', network), await opened('int8.onnx', small)] as const
    const comparison = await compare(models, held, model.preprocessing, model.classes.length, (done, total) =>
      onProgress?.('comparing', done, total),
    )
    await writeFileAtomic(path, bytes)
    return { bytes: bytes.length, ...portsOf(model, options), calibrated, comparison }
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
}

async function rangesOf(
  model: OpenModel,
  network: OnnxModel,
  paths: readonly string[],
  preprocessing: Preprocessing,
  onProgress: (done: number) => void,
): Promise<{ readonly ranges: Map<string, Range>; readonly calibrated: number }> {
  let calibrated = 0
  const sums = new Map(rangedTensors(network).map(name => [name, [0, 0] as [number, number]]))
  try {
    for (const [i, path] of paths.entries()) {
      const { images, read } = await inputOf([path], preprocessing)
      if (read.length > 0) {
        const found = await model.run({ images })
        calibrated++
        for (const [name, sum] of sums) {
          sum[0] += found[`${name}#min`]![0]!
          sum[1] += found[`${name}#max`]![0]!
        }
      }
      onProgress(i + 1)
    }
    if (calibrated === 0) throw unreadable(paths.length)
    const ranges = new Map(
      [...sums].map(([name, [low, high]]) => [name, [low / calibrated, high / calibrated] as const]),
    )
    return { ranges, calibrated }
  } finally {
    model.close()
  }
}

async function compare(
  models: readonly [OpenModel, OpenModel],
  { part, paths, labels }: RunImages,
  preprocessing: Preprocessing,
  classes: number,
  onProgress: (done: number, total: number) => void,
): Promise<Int8Comparison> {
  const chosen = spread([...paths.keys()], COMPARED)
  const right = [0, 0]
  const seconds = [0, 0]
  let same = 0
  let compared = 0
  let timed = 0
  try {
    for (let first = 0; first < chosen.length; first += BATCH) {
      const wanted = chosen.slice(first, first + BATCH)
      const { images, read } = await inputOf(
        wanted.map(i => paths[i]!),
        preprocessing,
      )
      const batch = read.map(at => wanted[at]!)
      onProgress(first + wanted.length, chosen.length)
      if (batch.length === 0) continue
      compared += batch.length
      const predicted: number[][] = []
      for (const [m, model] of models.entries()) {
        const began = performance.now()
        const { logits } = await model.run({ images })
        // The first batch warms up
        if (compared > batch.length) seconds[m] = seconds[m]! + (performance.now() - began) / 1000
        predicted.push(batch.map((_, row) => ranking(logits!.slice(row * classes, (row + 1) * classes))[0]!))
      }
      if (compared > batch.length) timed += batch.length
      for (const [row, i] of batch.entries()) {
        const [a, b] = predicted.map(own => own[row]!) as [number, number]
        if (a === b) same++
        for (const [m, label] of [a, b].entries()) if (label === labels[i]) right[m]!++
      }
    }
  } finally {
    for (const model of models) model.close()
  }
  if (compared === 0) throw unreadable(chosen.length)
  const [float32, int8] = [0, 1].map(m => ({
    top1: right[m]! / compared,
    imagesPerSecond: timed / Math.max(seconds[m]!, 1e-9),
  })) as [Int8Comparison['float32'], Int8Comparison['int8']]
  return { part, images: compared, float32, int8, agreement: same / compared }
}

const unreadable = (images: number) =>
  new RegraftError('data', `none of ${images} images of the run can be decoded any longer; restore them`)

/** Images as a network gets them: those that can be decoded, and their positions among the paths. */
async function inputOf(paths: readonly string[], preprocessing: Preprocessing) {
  const { size } = preprocessing
  const length = 3 * size * size
  const tables = normalisation(preprocessing)
  const rows = await Promise.all(
    paths.map(async path => {
      const image = await decodeFile(path).catch(() => undefined)
      if (!image) return undefined
      const row = new Float32Array(length)
      normalise({ pixels: evaluationCrop(image, preprocessing).pixels, flipped: false }, size, tables, row)
      return row
    }),
  )
  const read = [...rows.keys()].filter(i => rows[i])
  const data = new Float32Array(read.length * length)
  for (const [at, i] of read.entries()) data.set(rows[i]!, at * length)
  return { images: { type: 'float32' as const, shape: [read.length, 3, size, size], data }, read }
}
