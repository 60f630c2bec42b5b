/** Exports a trained model as one ONNX file, which every runtime of that format can serve. */
import { rename, rm } from 'node:fs/promises'
import { RegraftError } from '../base/errors.js'
import { writeFileAtomic, writing } from '../base/files.js'
import { encodeModel, networkModel, type OnnxModel, type OnnxParts, withParts } from '../engines/index.js'
import { inferenceGraph } from '../graph/index.js'
import { networkGraph, networkNamed } from '../models/index.js'
import { type Model, readModel } from '../training/index.js'
import { checkExport, type ExportCheck } from './checkExport.js'

/** What of a classifier is inside the file, beside the network. */
export interface ExportOptions {
  /** Resizing, crop and normalisation: the input is then `image`, uint8 [height, width, 3], one image of any size. */
  readonly preprocessing?: boolean
  /** Softmax of logits / the run's temperature: the output is then `probabilities` instead of `logits`. */
  readonly probabilities?: boolean
  /** Whether that temperature, fitted on validation images, is used; default true. */
  readonly calibration?: boolean
}

/** A file that was written and checked. */
export interface ExportedOnnx {
  readonly bytes: number
  readonly input: string
  readonly output: string
  readonly check: ExportCheck
  /** Whether the run looked at each image's mirror image, too, which the file leaves to its caller. */
  readonly oneView: boolean
}

/** The file may differ from the engine by so much, or by this share of the largest number where that is above 1. */
const MOST = 1e-4

/**
 * Writes the network with batch norm folded, in ONNX's own operators (opset 17), and runs the file in ONNX Runtime before
 * it gets its name. Input `images` [batch, 3, size, size], normalised RGB; output `logits` [batch, classes], unless the
 * options say otherwise. Its metadata hold `network` and `temperature`, and `classes` and `preprocessing` as JSON.
 * @param run a run folder, or a model folder
 * @throws RegraftError('run') where there is no model; RegraftError('engine') where the file differs by more than 1e-4
 */
export async function exportOnnx(run: string, path: string, options: ExportOptions = {}): Promise<ExportedOnnx> {
  const model = await readModel(run)
  const temperature = options.calibration === false ? 1 : (model.temperature ?? 1)
  const parts = partsOf(model, options, temperature)
  const bytes = encodeModel({ ...withParts(networkOf(model), parts), metadata: metadataOf(model, temperature) })
  const check = await written(path, bytes, aside => checkExport(run, model, aside, parts))
  return { bytes: bytes.length, ...portsOf(model, options), check, oneView: model.tta === 'flip' }
}

/** Input and output in words: name, type and shape. */
export function portsOf({ preprocessing: { size }, classes }: Model, options: ExportOptions) {
  const rows = options.preprocessing ? '1' : 'batch'
  return {
    input: options.preprocessing ? 'image uint8 [height, width, 3]' : `images float32 [batch, 3, ${size}, ${size}]`,
    output: `${options.probabilities ? 'probabilities' : 'logits'} float32 [${rows}, ${classes.length}]`,
  }
}

/** The network of a model, folded, without what goes before and behind it. */
export function networkOf({ classes, network, preprocessing, values }: Model): OnnxModel {
  const forward = networkGraph(networkNamed(network), { classes: classes.length, batch: 1, size: preprocessing.size })
  const { graph, parameters } = inferenceGraph(forward)
  return networkModel(
    graph,
    parameters(name => values.get(name) as Float32Array),
  )
}

/** What goes before and behind the network. */
export const partsOf = (
  model: Model,
  { preprocessing, probabilities }: ExportOptions,
  temperature: number,
): OnnxParts => ({
  preprocessing: preprocessing ? model.preprocessing : undefined,
  temperature: probabilities ? temperature : undefined,
})

/** @param temperature what logits are divided by so that probabilities mean what they say */
export const metadataOf = (
  { network, classes, preprocessing }: Model,
  temperature: number,
): Record<string, string> => ({
  network,
  classes: JSON.stringify(classes),
  preprocessing: JSON.stringify(preprocessing),
  temperature: String(temperature),
})

/** Writes aside, checks, and gives the file its name only then: what stood there before is kept where it fails. */
async function written(
  path: string,
  bytes: Uint8Array,
  check: (aside: string) => Promise<ExportCheck>,
): Promise<ExportCheck> {
  const aside = `${path}.${process.pid}.unchecked`
  await writeFileAtomic(aside, bytes).catch(error => {
    if (!(error instanceof RegraftError)) throw error
    // Nobody asked for the file aside
    throw new RegraftError(error.code, error.message.replace(aside, path), { cause: error })
  })
  try {
    const result = await check(aside)
    if (!(result.difference <= MOST * Math.max(1, result.largest)))
      throw new RegraftError(
        'engine',
        `${path} was not written: in ONNX Runtime it differs from the engine by ${result.difference.toExponential(1)}, where at most ${MOST.toExponential(0)} is allowed; please report this with the output of 'regraft doctor'`,
      )
    await writing(path, () => rename(aside, path))
    return result
  } finally {
    await rm(aside, { force: true })
  }
}
