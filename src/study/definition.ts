/** A study as a person writes it: a YAML file with a base configuration and what varies, checked and with options in camel case. */
import { existsSync, statSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { z } from 'zod'
import { RegraftError } from '../base/errors.js'
import { camel, kebab } from '../base/names.js'
import { didYouMean } from '../base/suggest.js'
import { trainingOptions } from '../training/index.js'

const setting = z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])
const range = z.tuple([z.number(), z.number()]).refine(([low, high]) => low < high, 'expected the smaller bound first')

/** What one option may be: a list of values, or a range that trials draw from. */
const variation = z.union([
  z.array(setting).min(1),
  z.strictObject({ 'log-uniform': range.refine(([low]) => low > 0, 'a logarithmic range must start above 0') }),
  z.strictObject({ uniform: range }),
])

const settings = z.record(z.string(), setting)

const definition = z.strictObject({
  name: z.string().regex(/^[\p{L}\p{N}._-]+$/u, 'expected letters, digits, dots, dashes and underscores'),
  kind: z.enum(['one-at-a-time', 'grid', 'random', 'halving']),
  /** Folder of class folders, or 'caltech101'; may be given on the command line instead. */
  data: z.string().optional(),
  base: settings.default({}),
  vary: z.record(z.string(), variation),
  /** Further cells, whatever the kind. */
  also: z.array(settings).default([]),
  /** Each cell is run once with each of these; all on the split of the first. */
  seeds: z.array(z.number().int().min(0)).min(1).default([0]),
  /** random and halving: how many cells are drawn. */
  trials: z.number().int().min(1).max(10_000).default(20),
  /** halving: of so many trials that reach a rung, one goes on. */
  reduction: z.number().int().min(2).max(10).default(3),
  /** halving: epochs of the first rung. */
  'min-epochs': z.number().int().min(1).default(1),
  /** Test accuracies of an experiment that is reproduced, in per cent, one for each value. */
  reference: z.record(z.string(), z.array(z.number())).default({}),
})

type Parsed = z.output<typeof definition>
export type Variation = z.output<typeof variation>
export type Settings = z.output<typeof settings>

/** A checked study; option names are those of `TrainingOptions`. */
export interface StudyDefinition extends Omit<Parsed, 'min-epochs'> {
  readonly minEpochs: number
}

const known = Object.keys(trainingOptions.shape)

function renamed<T>(entries: Readonly<Record<string, T>>, where: string): Record<string, T> {
  return Object.fromEntries(
    Object.entries(entries).map(([name, value]) => {
      if (known.includes(camel(name)) && name !== 'run') return [camel(name), value]
      throw new RegraftError('usage', `${where}: there is no option '${name}'${didYouMean(name, known.map(kebab))}`)
    }),
  )
}

/** @param where names the file in errors @throws RegraftError('usage') that names the entry and what it takes */
export function parseStudy(text: string, where: string): StudyDefinition {
  let content: unknown
  try {
    content = parse(text)
  } catch (error) {
    throw new RegraftError('usage', `${where} is no YAML: ${(error as Error).message.split('\n')[0]}`)
  }
  const parsed = definition.safeParse(content)
  if (!parsed.success) {
    const { issues } = parsed.error
    const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]
    const key = issue?.code === 'unrecognized_keys' ? (issue.keys[0] ?? '') : ''
    throw new RegraftError(
      'usage',
      key
        ? `${where}: there is no entry '${key}'${didYouMean(key, Object.keys(definition.shape))}`
        : `${where}: ${issue?.path.join('.') || 'the study'}: ${issue?.message}`,
    )
  }
  const { 'min-epochs': minEpochs, base, vary, also, reference, ...rest } = parsed.data
  const ranged = Object.entries(vary).find(([, values]) => !Array.isArray(values))
  if (ranged && (rest.kind === 'one-at-a-time' || rest.kind === 'grid'))
    throw new RegraftError(
      'usage',
      `${where}: vary.${ranged[0]}: a ${rest.kind} study takes lists of values, no ranges`,
    )
  return {
    ...rest,
    minEpochs,
    base: renamed(base, where),
    vary: renamed(vary, where),
    also: also.map(one => renamed(one, where)),
    reference: renamed(reference, where),
  }
}

const presets = fileURLToPath(new URL('../../assets/studies/', import.meta.url))

/** Reads a study from a file, or one that ships with regraft by its name. @throws RegraftError('usage') */
export async function readStudy(source: string): Promise<StudyDefinition> {
  const preset = join(presets, `${source}.yaml`)
  const file = /^[\w-]+$/.test(source) && existsSync(preset) ? preset : source
  const found = statSync(file, { throwIfNoEntry: false })
  if (found?.isDirectory())
    throw new RegraftError('usage', `${source} is a folder, not a study; go on with a study by --resume ${source}`)
  if (found) return parseStudy(await readFile(file, 'utf8'), source)
  const names = (await readdir(presets)).map(name => name.replace(/\.yaml$/, ''))
  throw new RegraftError(
    'usage',
    `there is no study ${source}${didYouMean(source, names) || '.'} Name a YAML file, or one of: ${names.join(', ')}`,
  )
}
