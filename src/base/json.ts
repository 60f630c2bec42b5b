/** JSON that a crash or a person may have damaged: read, checked by a schema, and told of in words. */
import type { z } from 'zod'
import { RegraftError } from './errors.js'

/** The value that a text stands for; undefined where it is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The first fault, with where it is: 'options.epochs: expected number', or that it is no JSON object at all. */
function faultOf({ issues: [issue] }: z.ZodError): string {
  const place = issue?.path.join('.') ?? ''
  return place === '' ? 'it is no JSON object' : `${place}: ${issue?.message}`
}

/**
 * What the text of a JSON file of a run or study holds.
 * @param path names the file in errors
 * @throws RegraftError('run') where the schema refuses it
 */
export function checkedJson<Schema extends z.ZodType>(path: string, text: string, schema: Schema): z.output<Schema> {
  const parsed = schema.safeParse(parseJson(text))
  if (parsed.success) return parsed.data
  throw new RegraftError('run', `${path} is damaged: ${faultOf(parsed.error)}`)
}
