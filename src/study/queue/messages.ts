/** What goes over the queue: a study's description, a trial's job, how it ended, how far it is, and a worker's card; all data, all checked. */
import { z } from 'zod'

const setting = z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])
const settings = z.record(z.string(), setting)
const whole = z.number().int().min(0)
const absolute = z.string().regex(/^(\/|[A-Za-z]:[\\/]|\\\\)/, 'expected an absolute path')
/** A folder's name that leads nowhere else. */
const plainName = z.string().regex(/^(?!\.{1,2}$)[\p{L}\p{N}._+-]+$/u, 'expected a plain name')
const digest = z.string().regex(/^[0-9a-f]{64}$/)

/** What tells two folders of images apart. */
export const fingerprint = z.strictObject({
  images: whole,
  bytes: whole,
  classes: whole,
  /** Of all paths, classes and sizes. */
  list: digest,
  /** Of the contents of some images. */
  sample: z.array(z.strictObject({ path: z.string(), sha256: digest })).max(64),
})
export type Fingerprint = z.infer<typeof fingerprint>

/** What a trial needs of a worker. */
export const needs = z.strictObject({
  engine: z.enum(['auto', 'onednn', 'onnxruntime', 'webgpu']),
  cores: whole,
  /** Bytes. */
  memory: whole,
})
export type Needs = z.infer<typeof needs>

export const studyId = z.string().regex(/^[0-9a-f]{16}$/)

/** A study as workers see it; paths are those of the machine that planned it. */
export const description = z.strictObject({
  id: studyId,
  /** Of regraft: others may compute other numbers. */
  version: z.string(),
  name: z.string(),
  folder: absolute,
  data: absolute,
  exclude: z.array(z.string()),
  labels: absolute.optional(),
  /** Where they are a file. */
  weights: absolute.optional(),
  base: settings,
  scaleEpochs: z.number(),
  splitSeed: whole,
  images: fingerprint,
  queues: z.array(z.strictObject({ name: z.string().regex(/^study-[0-9a-f]{16}-\d+$/), needs })),
})
export type Description = z.infer<typeof description>

/** One trial. */
export const trialJob = z.strictObject({
  settings,
  seed: whole,
  /** The run folder's name in the study's folder. */
  run: plainName,
  /** Epochs after which it waits; all, where this is left out. */
  until: whole.optional(),
  /** How often the study was enqueued when this job was made. */
  generation: whole,
  /** How often its process has died under it. */
  crashes: whole.default(0),
})
export type TrialJob = z.input<typeof trialJob>

/** How a trial ended; what it reached stands in its folder. */
export const outcome = z.discriminatedUnion('state', [
  z.strictObject({ state: z.literal('done') }),
  z.strictObject({ state: z.literal('stopped') }),
  z.strictObject({ state: z.literal('failed'), reason: z.string() }),
  /** What every trial would meet: images or weights that cannot be read. */
  z.strictObject({ state: z.literal('broken'), code: z.enum(['data', 'weights']), reason: z.string() }),
])
export type Outcome = z.infer<typeof outcome>

/** How far a trial is. */
export const progress = z.object({
  host: z.string(),
  /** Milliseconds since 1970, by the worker's clock. */
  since: z.number(),
  task: z.string().optional(),
  epoch: z.number().optional(),
  share: z.number().optional(),
})
export type TrialProgressNote = z.infer<typeof progress>

/** What a worker is. */
export const card = z.object({
  id: z.string(),
  host: z.string(),
  cpu: z.string(),
  engines: z.array(z.string()),
  cores: z.number(),
  memory: z.number(),
  concurrency: z.number(),
  /** Studies that it does not work on, and why. */
  refused: z.array(z.object({ study: z.string(), reason: z.string() })),
})
export type Card = z.infer<typeof card>

/** What the coordinator says of a study, for `--status`. */
export const summary = z.object({
  done: z.number(),
  stopped: z.number(),
  failed: z.array(z.object({ run: z.string(), reason: z.string() })),
  /** Mean seconds of a finished trial, as the workers measured them. */
  seconds: z.number().optional(),
  total: z.number(),
})
export type Summary = z.infer<typeof summary>
