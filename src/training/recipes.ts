/** Settings that are known to work together, by name: where to begin when one does not want to search. */
import type { TrainingOptions } from './options.js'

/** The names of the recipes. */
export const recipeNames = ['fast', 'best'] as const
/** The name of a recipe. */
export type RecipeName = (typeof recipeNames)[number]

/**
 * `fast`: the new last layer on the frozen trunk, whose features are computed once; some minutes.
 * `best`: everything is trained; hours. What it brings, and what was left out, is in docs/results.md.
 * Any option may be given beside them, and then counts.
 */
export const recipes: Readonly<Record<RecipeName, TrainingOptions>> = {
  fast: { epochs: 30, lrBackbone: 0, lrHead: 1e-2, cropMode: 'squash' },
  best: {
    epochs: 10,
    warmupEpochs: 1,
    lrBackbone: 1e-2,
    lrHead: 1e-2,
    schedule: 'cosine',
    ema: 0.995,
    normStatistics: 'auto',
    labelSmoothing: 0.1,
    noDecay: ['norm', 'bias'],
    augment: 'trivial',
    // Random crops and what is tested show the same: nearly all of an image
    cropScale: 0.85,
    cropMode: 'squash',
    crop: 0.95,
  },
}
