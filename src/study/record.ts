/** What a study was and did, as study.json keeps it: its cells, the tables they stand in, and what each run reached. */
import { z } from 'zod'

/** Metrics of one partition with the 95 % interval of its top-1 accuracy (shares, 0 to 1). */
const partition = z.object({
  images: z.number(),
  loss: z.number(),
  top1: z.number(),
  top5: z.number(),
  meanPerClass: z.number(),
  interval: z.tuple([z.number(), z.number()]),
})

const studyRun = z.object({
  seed: z.number().int(),
  /** The run folder, below the study's. */
  folder: z.string(),
  /** `stopped`: successive halving gave it up after `epochs`. */
  state: z.enum(['waiting', 'running', 'done', 'stopped', 'failed']),
  /** Why it failed. */
  reason: z.string().optional(),
  /** Epochs trained. */
  epochs: z.number().int().optional(),
  /** The epoch with the best validation accuracy; `test` is measured there. */
  bestEpoch: z.number().int().optional(),
  validation: partition.optional(),
  test: partition.optional(),
  /** Test images that show the same picture as one in another part, and the metrics without those where any are left. */
  twins: z.object({ test: z.number(), without: partition.optional() }).optional(),
  /** Seconds it took, features included. */
  seconds: z.number().optional(),
  /** The machines of a queue that trained it, one after another. */
  machines: z
    .array(z.object({ host: z.string(), cpu: z.string(), engine: z.string(), threads: z.number().int() }))
    .optional(),
})

const setting = z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])

const studyCell = z.object({
  /** What differs from the base, by option name (camel case, as in TrainingOptions). */
  settings: z.record(z.string(), setting),
  runs: z.array(studyRun),
})

/** One table: how accuracy changes with one option while the rest stays at the base. */
const studyTable = z.object({
  option: z.string(),
  rows: z.array(
    z.object({
      value: setting,
      /** Index into `cells`; the baseline's cell may stand in several tables. */
      cell: z.number().int(),
      /** Test accuracy of the experiment that is reproduced, as a share. */
      reference: z.number().optional(),
    }),
  ),
})

export const studyRecord = z.object({
  name: z.string(),
  kind: z.enum(['one-at-a-time', 'grid', 'random', 'halving']),
  data: z.string(),
  /** The options that every run starts from. */
  base: z.record(z.string(), setting),
  seeds: z.array(z.number().int()),
  /** Of halving: of `reduction` trials that reach a rung one goes on; the first rung is at `minEpochs`. */
  halving: z.object({ reduction: z.number().int(), minEpochs: z.number().int() }).optional(),
  /** How every cell was made cheaper than the study asks: epochs are multiplied by it. 1: not at all. */
  scaleEpochs: z.number(),
  cells: z.array(studyCell),
  /** Of one-at-a-time studies. */
  tables: z.array(studyTable),
  /** The command that repeats it. */
  command: z.string(),
  started: z.string(),
})

export type StudyRecord = z.infer<typeof studyRecord>
export type StudyCell = z.infer<typeof studyCell>
export type StudyRun = z.infer<typeof studyRun>
export type StudySetting = z.infer<typeof setting>
