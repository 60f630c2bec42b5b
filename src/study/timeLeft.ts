/** How long the rest of a study takes, from what its finished runs took. */

/**
 * Seconds for what waits and for what is left of what runs, shared out among `places` that work at a time.
 * @param running seconds that each has run already
 * @param mean seconds of a finished run; undefined until one has finished
 */
export function timeLeft(
  waiting: number,
  running: readonly number[],
  mean: number | undefined,
  places: number,
): number | undefined {
  if (mean === undefined) return undefined
  const rest = running.map(seconds => Math.max(0, mean - seconds))
  if (waiting === 0) return Math.max(0, ...rest)
  return (waiting * mean + rest.reduce((a, b) => a + b, 0)) / Math.max(1, places, running.length)
}
