/** Makes a run shorter: every option that counts epochs, by one share. */
import type { ResolvedOptions } from '../training/index.js'

/** A number of epochs, made shorter; at least one. */
export const scaled = (epochs: number, share: number): number => Math.max(1, Math.round(epochs * share))

/**
 * Gamma is raised to the inverse, so that an exponential schedule falls as far as in the full run. What takes some epochs
 * keeps at least one of them, as far as others are left: for images that are mixed, and for the last phase of `unfreeze`.
 */
export function scaleEpochs(options: ResolvedOptions, share: number): ResolvedOptions {
  if (share === 1) return options
  const { gamma, schedule, stepEpochs, warmupEpochs, mixOffEpochs, patience, unfreeze } = options
  const epochs = scaled(options.epochs, share)
  return {
    ...options,
    epochs,
    gamma: schedule === 'exponential' ? gamma ** (1 / share) : gamma,
    stepEpochs: scaled(stepEpochs, share),
    warmupEpochs: warmupEpochs === 0 ? 0 : scaled(warmupEpochs, share),
    mixOffEpochs: mixOffEpochs === 0 ? 0 : Math.min(scaled(mixOffEpochs, share), epochs - 1),
    ...(patience === undefined ? {} : { patience: scaled(patience, share) }),
    unfreeze: scaledPhases(unfreeze, share, epochs),
  }
}

/** 'head:10', 'all' as 'head:3', 'all'. Where there are more phases than epochs, the first ones go. */
function scaledPhases(unfreeze: readonly string[], share: number, epochs: number): string[] {
  let free = epochs
  return unfreeze.flatMap((phase, i) => {
    const [stage, length] = phase.split(':')
    if (length === undefined) return [phase]
    const after = unfreeze.length - 1 - i
    const most = after === 0 ? Number.POSITIVE_INFINITY : free - after
    const taken = Math.min(scaled(Number(length), share), most)
    if (taken < 1) return []
    free -= taken
    return [`${stage}:${taken}`]
  })
}
