/** Whether two classifiers differ on the same images: McNemar's exact test, and Holm's correction for many of them. */

/** Below this they are said to differ. */
export const SIGNIFICANT = 0.05

/**
 * The two-sided p-value of McNemar's test in its exact form (Fagerland, Lydersen and Laake 2013, formula 2): of the images
 * that only one of two classifiers is right about, each is either's with the same probability if they are equally good.
 */
export function mcnemar(onlyFirst: number, onlySecond: number): number {
  const total = onlyFirst + onlySecond
  // The logarithm of C(total, k) / 2^total, from k = 0 on
  let term = -total * Math.LN2
  let tail = 0
  for (let k = 0; k <= Math.min(onlyFirst, onlySecond); k++) {
    tail += Math.exp(term)
    term += Math.log((total - k) / (k + 1))
  }
  return Math.min(1, 2 * tail)
}

/** P-values corrected for their number by Holm's step-down method (Holm 1979), in the order given. */
export function holm(values: readonly number[]): number[] {
  const order = [...values.keys()].sort((a, b) => values[a]! - values[b]!)
  const corrected = new Array<number>(values.length)
  let largest = 0
  order.forEach((index, rank) => {
    largest = Math.max(largest, Math.min(1, (values.length - rank) * values[index]!))
    corrected[index] = largest
  })
  return corrected
}
