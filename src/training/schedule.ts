/** Learning-rate schedules as functions of the epoch and step alone, so that a resumed run cannot differ. */
import type { ResolvedOptions } from './options.js'

/** What both learning rates are multiplied by in an epoch (from 0). */
export function rateFactor(
  epoch: number,
  options: Pick<ResolvedOptions, 'schedule' | 'gamma' | 'epochs' | 'warmupEpochs' | 'stepEpochs'>,
): number {
  const { schedule, gamma, epochs, warmupEpochs, stepEpochs } = options
  if (epoch < warmupEpochs) return (epoch + 1) / (warmupEpochs + 1)
  const done = epoch - warmupEpochs
  if (schedule === 'exponential') return gamma ** done
  if (schedule === 'step') return gamma ** Math.floor(done / stepEpochs)
  if (schedule === 'cosine') return 0.5 * (1 + Math.cos((Math.PI * done) / (epochs - warmupEpochs)))
  return 1
}

/** What the rate of one step (from 1, counted over the whole run) is multiplied by, besides its epoch's factor. */
export const warmupFactor = (step: number, { warmupSteps }: Pick<ResolvedOptions, 'warmupSteps'>): number =>
  Math.min(1, step / (warmupSteps + 1))
