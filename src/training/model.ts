/** The model folder: what is shipped of a run, enough to predict: weights, classes, preprocessing. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { RegraftError } from '../base/errors.js'
import { writeFileAtomic, writeJson } from '../base/files.js'
import { preprocessingSchema } from '../base/preprocessing.js'
import { readText } from '../base/readText.js'
import { elements } from '../graph/index.js'
import { networkGraph, networkNamed, stateShapes } from '../models/index.js'
import { assertFinite, readSafetensors, writeSafetensors } from '../weights/index.js'
import { rejectionSchema } from './rejection.js'
import { readResult } from './runFolder.js'

const modelSchema = z.object({
  format: z.literal('regraft-model-1'),
  network: z.string(),
  classes: z.array(z.string()).min(1),
  preprocessing: preprocessingSchema,
  /** What logits are divided by so that probabilities mean what they say; 1 where it is missing. */
  temperature: z.number().positive().optional(),
  /** How sure it was of validation images that it got right, by which others are told to show none of the classes. */
  rejection: rejectionSchema.optional(),
  /** Whether logits are the mean of an image's and its mirror image's. */
  tta: z.enum(['none', 'flip']).optional(),
})

/** A trained classifier: everything that inference needs. */
export interface Model extends Description {
  /** Parameters and statistics by name. */
  readonly values: ReadonlyMap<string, Float32Array>
}

/** Writes model.json, model.safetensors and a card. */
export async function writeModel(folder: string, model: Model, card: string): Promise<void> {
  const { values, ...description } = model
  const shapes = stateShapes(networkGraph(networkNamed(model.network), { classes: model.classes.length, batch: 1 }))
  const tensors = new Map(
    [...shapes].map(([name, shape]) => [name, { shape, values: values.get(name) as Float32Array }]),
  )
  await writeSafetensors(join(folder, 'model.safetensors'), tensors, { format: 'pt', network: model.network })
  await writeJson(join(folder, 'model.json'), description)
  await writeFileAtomic(join(folder, 'README.md'), card)
}

type Description = z.infer<typeof modelSchema>

/** Where a run folder's model is, or a model folder itself. */
const modelFolder = (folder: string): string =>
  existsSync(join(folder, 'model', 'model.json')) ? join(folder, 'model') : folder

async function readDescription(folder: string): Promise<Description> {
  const file = join(modelFolder(folder), 'model.json')
  if (!existsSync(file))
    throw new RegraftError(
      'run',
      `${folder} holds no trained model; name a folder that 'regraft train' has finished (predict and explain take --weights for a pretrained network itself)`,
    )
  try {
    const description = modelSchema.parse(JSON.parse((await readText(file)) ?? ''))
    // Runs of earlier versions have it in their result alone
    const temperature = description.temperature ?? (await readResult(folder))?.calibration?.temperature
    return { ...description, ...(temperature === undefined ? {} : { temperature }) }
  } catch (cause) {
    throw new RegraftError('run', `${file} is damaged; train again, or take the folder from a backup`, { cause })
  }
}

/** The temperature of a run's model, or of a model folder; 1 where none was fitted. @throws as readModel does */
export const readTemperature = async (folder: string): Promise<number> =>
  (await readDescription(folder)).temperature ?? 1

/** Reads a run folder's model, or a model folder. @throws RegraftError where there is none or it is damaged */
export async function readModel(folder: string): Promise<Model> {
  const description = await readDescription(folder)
  const at = modelFolder(folder)
  const { tensors } = await readSafetensors(join(at, 'model.safetensors'))
  const graph = networkGraph(networkNamed(description.network), { classes: description.classes.length, batch: 1 })
  for (const [name, shape] of stateShapes(graph))
    if (tensors.get(name)?.values.length !== elements(shape))
      throw new RegraftError(
        'run',
        `${join(at, 'model.safetensors')} does not fit model.json: '${name}' is missing or has another shape`,
      )
  const values = new Map([...tensors].map(([name, { values }]) => [name, values]))
  assertFinite(tensors, tensors.keys(), join(at, 'model.safetensors'))
  return { ...description, values }
}
