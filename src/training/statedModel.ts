/** What a file that `export` wrote says of itself beside its weights: texts of others until they are checked. */
import { z } from 'zod'
import { parseJson } from '../base/json.js'
import { type Preprocessing, preprocessingSchema } from '../base/preprocessing.js'
import { visibleLine } from '../base/visible.js'
import { printable } from '../weights/index.js'

const json = z.string().transform(parseJson)
const statement = z.object({
  network: z.string().optional().catch(undefined),
  classes: json
    .pipe(z.array(z.string().min(1).max(1000)).min(1))
    .optional()
    .catch(undefined),
  preprocessing: json.pipe(preprocessingSchema).optional().catch(undefined),
  temperature: json.pipe(z.number().positive().max(1e6)).optional().catch(undefined),
})

export interface StatedModel {
  readonly network?: string | undefined
  /** Names of the head's outputs in their order. */
  readonly classes?: readonly string[] | undefined
  readonly preprocessing?: Preprocessing | undefined
  /** Whether it says how images are prepared, but not so that it is understood. */
  readonly otherPreprocessing: boolean
  /** What logits are divided by so that probabilities mean what they say. */
  readonly temperature?: number | undefined
}

/** What of a file's texts is as `export` writes it; the rest says nothing. */
export function statedModel(texts: Readonly<Record<string, string>>): StatedModel {
  const { classes, ...others } = statement.parse(texts)
  const otherPreprocessing = 'preprocessing' in texts && others.preprocessing === undefined
  return { ...others, otherPreprocessing, classes: classes?.map(visibleLine) }
}

/** A line on it: 'resnet50, 4 classes, 224 of 256 pixels'; empty where nothing is said. */
export const inWords = ({ network, classes, preprocessing }: StatedModel): string =>
  [
    network && printable(network),
    classes && `${classes.length} classes`,
    preprocessing && `${preprocessing.size} of ${preprocessing.resize} pixels, ${preprocessing.interpolation}`,
    preprocessing?.crop === 'squash' && preprocessing.crop,
  ]
    .filter(Boolean)
    .join(', ')
