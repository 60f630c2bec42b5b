/** What a worker and the process that trains for it say to each other. */
import { z } from 'zod'
import { outcome } from './messages.js'

const setting = z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])

/** A trial, with every path as this machine sees it. */
export const trialTask = z.object({
  /** The run folder. */
  run: z.string(),
  /** The study's folder. */
  study: z.string(),
  data: z.string(),
  labels: z.string().optional(),
  weights: z.string().optional(),
  exclude: z.array(z.string()),
  base: z.record(z.string(), setting),
  settings: z.record(z.string(), setting),
  scaleEpochs: z.number(),
  seed: z.number(),
  splitSeed: z.number(),
  until: z.number().optional(),
  /** Threads where the study names none. */
  threads: z.number().optional(),
  token: z.tuple([z.number(), z.number(), z.number()]),
})
export type TrialTask = z.infer<typeof trialTask>

export const toProcess = z.discriminatedUnion('type', [
  z.object({ type: z.literal('run'), task: trialTask }),
  z.object({ type: z.literal('stop') }),
])
export type ToProcess = z.infer<typeof toProcess>

/** How a trial ended here; `interrupted` and `lost` are no end of the trial, only of this worker's part in it. */
export const ending = z.union([
  outcome,
  z.object({ state: z.literal('interrupted') }),
  z.object({ state: z.literal('lost'), reason: z.string() }),
  /** What concerns this machine: a full disk, say. */
  z.object({ state: z.literal('refused'), reason: z.string() }),
  /** Its process died, or a defect was met. */
  z.object({ state: z.literal('crashed'), reason: z.string() }),
])
export type TrialEnding = z.infer<typeof ending>

export const step = z.object({
  task: z.string().optional(),
  epoch: z.number().optional(),
  share: z.number().optional(),
})
export type TrialStep = z.infer<typeof step>

export const fromProcess = z.discriminatedUnion('type', [
  z.object({ type: z.literal('step'), step }),
  z.object({ type: z.literal('end'), ending }),
])
export type FromProcess = z.infer<typeof fromProcess>
