/** Where axes begin and end, where their ticks stand, and how labels keep apart. */

/** The least of 1, 2, 5, 10, 20, … times a power of ten that is not below `value`. */
function roundStep(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return power * ([1, 2, 5, 10].find(factor => factor * power >= value * (1 - 1e-9)) ?? 10)
}

/**
 * The range of an axis that holds all finite values and ends on round numbers.
 *
 * @param limits `least`: the smallest span; `from`: where the axis begins; `highest`: where it ends at the latest
 */
export function niceDomain(
  values: readonly number[],
  limits: { readonly least: number; readonly from?: number; readonly highest?: number },
): [low: number, high: number] {
  const finite = values.filter(Number.isFinite)
  const largest = finite.length > 0 ? Math.max(...finite) : limits.least
  const smallest = limits.from ?? (finite.length > 0 ? Math.min(...finite) : 0)
  const step = roundStep(Math.max(largest - smallest, limits.least) / 6)
  const high = Math.min(Math.ceil(largest / step - 1e-9) * step, limits.highest ?? Number.POSITIVE_INFINITY)
  const low = limits.from ?? Math.max(0, Math.min(Math.floor(smallest / step + 1e-9) * step, high - limits.least))
  return [low, Math.max(high, low + limits.least)]
}

/** Ticks for whole numbers: the first, and round ones up to the last; 12 at most. */
export function wholeTicks(first: number, last: number): number[] {
  const step = Math.max(1, roundStep(Math.max(last - first, 1) / 11))
  const round = Array.from({ length: Math.floor(last / step) }, (_, i) => (i + 1) * step)
  return [first, ...round.filter(tick => tick > first && (step === 1 || tick - first >= step / 2))]
}

/** Moves positions from 0 to `end` apart as little as needed for a distance of `gap`; their order stays. */
export function spread(positions: readonly number[], gap: number, end: number): number[] {
  const order = positions.map((_, i) => i).sort((a, b) => positions[a]! - positions[b]!)
  const result = [...positions]
  for (const [rank, i] of order.entries())
    if (rank > 0) result[i] = Math.max(result[i]!, result[order[rank - 1]!]! + gap)
  let limit = end
  for (const i of order.reverse()) {
    result[i] = Math.min(result[i]!, limit)
    limit = result[i] - gap
  }
  return result
}
