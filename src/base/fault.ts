/** Says in a few words what is wrong with a JSON file that a schema has refused. */
import type { z } from 'zod'

/** The first fault, with where it is: 'options.epochs: expected number', or that it is no JSON object at all. */
export function faultOf({ issues: [issue] }: z.ZodError): string {
  const place = issue?.path.join('.') ?? ''
  return place === '' ? 'it is no JSON object' : `${place}: ${issue?.message}`
}
