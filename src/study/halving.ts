/** Asynchronous successive halving (Li et al. 2020): which trial goes on to how many epochs. */

/** How far a trial is: epochs it has trained, and its best validation accuracy after each of them. */
export interface TrialProgress {
  readonly epochs: number
  /** Best validation accuracy within the first `epochs` epochs, by epoch (index 0: after one). */
  readonly best: readonly number[]
  readonly failed: boolean
  /** Somebody trains it at this moment. */
  readonly busy?: boolean
}

export interface HalvingOptions {
  readonly reduction: number
  readonly minEpochs: number
  /** Epochs of a trial that goes all the way. */
  readonly epochs: number
}

/** Epochs after which trials are compared: minEpochs * reduction^k below `epochs`, then `epochs` itself. */
export function rungsOf({ reduction, minEpochs, epochs }: HalvingOptions): number[] {
  const rungs: number[] = []
  for (let rung = minEpochs; rung < epochs; rung *= reduction) rungs.push(rung)
  return [...rungs, epochs]
}

/**
 * The next piece of work, or undefined where there is none left: the best trial among the top 1/reduction of a rung
 * that has not gone beyond it, highest rung first; otherwise a trial that has not begun.
 */
export function nextTrial(
  trials: readonly TrialProgress[],
  options: HalvingOptions,
): { readonly trial: number; readonly until: number } | undefined {
  const rungs = rungsOf(options)
  for (let r = rungs.length - 2; r >= 0; r--) {
    const rung = rungs[r] as number
    const score = (trial: number) => trials[trial]?.best[rung - 1] ?? 0
    const reached = [...trials.keys()]
      .filter(trial => trials[trial]!.epochs >= rung)
      .sort((a, b) => score(b) - score(a) || a - b)
    const top = reached.slice(0, Math.floor(reached.length / options.reduction))
    const trial = top.find(candidate => trials[candidate]!.epochs === rung && free(trials[candidate]!))
    if (trial !== undefined) return { trial, until: rungs[r + 1] as number }
  }
  const trial = trials.findIndex(one => one.epochs < (rungs[0] as number) && free(one))
  return trial < 0 ? undefined : { trial, until: rungs[0] as number }
}

const free = ({ failed, busy }: TrialProgress): boolean => !failed && !busy
