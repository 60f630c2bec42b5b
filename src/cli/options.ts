/** Turns a zod schema of options into command-line options and config-file entries of the same names. */
import { readFile } from 'node:fs/promises'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { parse } from 'yaml'
import { z } from 'zod'
import { RegraftError } from '../base/errors.js'
import { camel, kebab } from '../base/names.js'
import { didYouMean } from '../base/suggest.js'

/** What a JSON schema says of one option. */
const property = z.object({
  type: z.enum(['string', 'number', 'integer', 'boolean', 'array']).optional(),
  enum: z.array(z.string()).optional(),
  default: z.unknown().optional(),
  description: z.string().default(''),
  value: z.string().optional(),
  items: z.object({ type: z.string().optional() }).optional(),
})

type Schema = z.ZodObject<z.ZodRawShape>

const number = (text: string): number => {
  const value = Number(text)
  if (text.trim() === '' || Number.isNaN(value)) throw new InvalidArgumentError('Expected a number.')
  return value
}

/** 'norm,bias' as two entries; may be given more than once. */
const list = (text: string, before: string[] | undefined): string[] => [
  ...(before ?? []),
  ...text.split(',').filter(Boolean),
]

/** '0.5,0.5,0.5' as three entries. */
const numbers = (text: string): number[] => text.split(',').filter(Boolean).map(number)

/** Adds every option of the schema to a command; values that are left out stay undefined, so that a file can set them. */
export function addOptions(command: Command, schema: Schema): Command {
  const { properties } = z
    .object({ properties: z.record(z.string(), property) })
    .parse(z.toJSONSchema(schema, { io: 'input' }))
  for (const [name, { type, enum: choices, default: fallback, description, value, items }] of Object.entries(
    properties,
  )) {
    const given = fallback === undefined || fallback === false || (Array.isArray(fallback) && fallback.length === 0)
    const text = given ? description : `${description} (default: ${fallback})`
    const argument = value ?? (choices ? 'CHOICE' : 'N')
    const flag = `--${kebab(name)}`
    if (type === 'boolean') command.addOption(new Option(flag, text))
    else if (type === 'array' && items?.type === 'number')
      // One word, so that what comes after it is no part of it
      command.addOption(new Option(`${flag} <${argument}>`, `${text}; separated by commas`).argParser(numbers))
    else if (type === 'array') {
      const option = new Option(`${flag} <${argument}...>`, `${text}; separated by commas or spaces`)
      option.argParser(list)
      // Commander takes '--no-…' for the negation of another option.
      option.negate = false
      command.addOption(option)
    } else {
      const option = new Option(`${flag} <${argument}>`, text)
      if (type === 'number' || type === 'integer') option.argParser(number)
      command.addOption(choices ? option.choices(choices) : option)
    }
  }
  return command
}

/**
 * Options from a YAML file, named as on the command line ('lr-backbone: 1e-2').
 * @throws RegraftError('usage') where the file cannot be read or holds a name that is no option
 */
export async function readConfigFile(path: string, schema: Schema): Promise<Record<string, unknown>> {
  let content: unknown
  try {
    content = parse(await readFile(path, 'utf8'))
  } catch (error) {
    throw new RegraftError(
      'usage',
      `the config file ${path} cannot be read: ${(error as Error).message.split('\n')[0]}`,
    )
  }
  const entries = z.record(z.string(), z.unknown()).safeParse(content ?? {})
  if (!entries.success)
    throw new RegraftError('usage', `the config file ${path} must hold 'name: value' lines, like 'epochs: 10'`)
  const known = Object.keys(schema.shape).map(kebab)
  return Object.fromEntries(
    Object.entries(entries.data).map(([name, value]) => {
      if (known.includes(name)) return [camel(name), value]
      throw new RegraftError('usage', `${path}: there is no option '${name}'${didYouMean(name, known)}`)
    }),
  )
}
