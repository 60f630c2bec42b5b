/** Checkpoints: everything a run needs to go on as if it had never stopped, in one safetensors file. */
import { join } from 'node:path'
import { z } from 'zod'
import { RegraftError } from '../base/errors.js'
import { parseJson } from '../base/json.js'
import { readSafetensors, writeSafetensors } from '../weights/index.js'
import type { Counts } from './metrics.js'

/** Where a run stands: `step` steps of `epoch` (from 0) are done, with these training counts. */
export interface Position {
  readonly epoch: number
  readonly step: number
  readonly counts?: Counts
  /** Seconds of this epoch that earlier sittings took. */
  readonly seconds: number
}

const position = z.object({
  epoch: z.number().int().min(0),
  step: z.number().int().min(0),
  seconds: z.number(),
  counts: z
    .object({
      classes: z.number().int(),
      images: z.number().int(),
      lossSum: z.number(),
      top1: z.number().int(),
      top5: z.number().int(),
      confusion: z.array(z.number().int()),
    })
    .optional(),
})

type Tensors = ReadonlyMap<string, { readonly shape: readonly number[]; readonly values: Float32Array }>

export const lastCheckpoint = (run: string): string => join(run, 'checkpoints', 'last.safetensors')
export const bestCheckpoint = (run: string): string => join(run, 'checkpoints', 'best.safetensors')

/** Writes a checkpoint aside and renames it, so that a crash leaves the previous one. */
export async function saveCheckpoint(path: string, tensors: Tensors, at: Position): Promise<void> {
  await writeSafetensors(path, tensors, { position: JSON.stringify(at) })
}

/** @throws RegraftError where the file is missing, damaged, or another kind of safetensors file */
export async function loadCheckpoint(path: string): Promise<{ tensors: Tensors; at: Position }> {
  const { tensors, metadata } = await readSafetensors(path)
  const parsed = position.safeParse(parseJson(metadata.position ?? ''))
  if (!parsed.success)
    throw new RegraftError('run', `${path} is no checkpoint of a run (it does not say where it stands)`)
  const { counts, ...rest } = parsed.data
  return { tensors, at: counts ? { ...rest, counts } : rest }
}
