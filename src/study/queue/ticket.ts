/** A study's name in the queue, which stands in its folder: with it workers know that they see the right folder. */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { writeJson } from '../../base/files.js'
import { parseJson } from '../../base/json.js'
import { studyId } from './messages.js'

const ticket = z.object({
  id: studyId,
  /** How often it was enqueued. */
  generation: z.number().int().min(0),
})
export type Ticket = z.infer<typeof ticket>

const ticketFile = (folder: string) => join(folder, 'queue.json')

export async function readTicket(folder: string): Promise<Ticket | undefined> {
  const text = await readFile(ticketFile(folder), 'utf8').catch(() => '')
  return ticket.safeParse(parseJson(text)).data
}

/** Counts one more enqueuing; a study that never was in a queue gets its name. */
export async function nextTicket(folder: string): Promise<Ticket> {
  const before = await readTicket(folder)
  const next = { id: before?.id ?? randomBytes(8).toString('hex'), generation: (before?.generation ?? 0) + 1 }
  await writeJson(ticketFile(folder), next)
  return next
}
