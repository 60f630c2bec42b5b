/** The machines that trained a run, one line each time that one began to, in the run folder's machines.jsonl. */
import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { mayWrite, writing } from '../../base/files.js'
import { parseJson } from '../../base/json.js'
import { readText } from '../../base/readText.js'

const sitting = z.object({ host: z.string(), cpu: z.string(), engine: z.string(), threads: z.number().int() })
export type Sitting = z.infer<typeof sitting>

const file = (run: string) => join(run, 'machines.jsonl')

export const addSitting = (run: string, one: Sitting): Promise<void> =>
  writing(file(run), async () => {
    await mayWrite(file(run))
    await appendFile(file(run), `${JSON.stringify({ ...one, at: new Date().toISOString() })}\n`)
  })

/** The one that trains it now, or did last, and since when (ISO 8601). */
export async function latestSitting(run: string): Promise<(Sitting & { readonly at: string }) | undefined> {
  const text = (await readText(file(run)).catch(() => undefined)) ?? ''
  const last = text.trimEnd().split('\n').at(-1) ?? ''
  return sitting.extend({ at: z.iso.datetime() }).safeParse(parseJson(last)).data
}

/** Each machine once, in the order in which they came. */
export async function machinesOf(run: string): Promise<Sitting[]> {
  const text = (await readText(file(run)).catch(() => undefined)) ?? ''
  const seen = new Map<string, Sitting>()
  for (const line of text.split('\n')) {
    const parsed = sitting.safeParse(parseJson(line)).data
    if (parsed) seen.set(JSON.stringify(parsed), parsed)
  }
  return [...seen.values()]
}
