/** Confident learning (Northcutt, Jiang and Chuang 2021): which labels a classifier doubts that has never seen them. */

/** An image whose label is doubted. */
export interface DoubtedLabel {
  /** Position among the given images. */
  readonly index: number
  /** The class that it is more likely of. */
  readonly suggested: number
  /** Probabilities of the label and of the suggested class. */
  readonly labelProbability: number
  readonly suggestedProbability: number
  /** Whether the suggestion is confident: at least as probable as that class is among its own images on average. */
  readonly confident: boolean
}

/**
 * Images whose label is not the most probable class, ranked by the probability of the label: the smallest first (the
 * paper's self-confidence). The off-diagonal of the confident joint is marked.
 * @param probabilities of held-out predictions, one row an image
 * @param labels the given class of each image
 */
export function doubtedLabels(
  probabilities: readonly Float64Array[],
  labels: readonly number[],
  classes: number,
): DoubtedLabel[] {
  const thresholds = classThresholds(probabilities, labels, classes)
  const doubted = labels.flatMap((label, index): DoubtedLabel[] => {
    const row = probabilities[index]!
    const best = most([...row.keys()], row)
    if (best === label) return []
    const passing = [...row.keys()].filter(c => row[c]! >= thresholds[c]!)
    const joint = passing.length > 0 ? most(passing, row) : label
    const [confident, suggested] = joint === label ? [false, best] : [true, joint]
    return [{ index, suggested, labelProbability: row[label]!, suggestedProbability: row[suggested]!, confident }]
  })
  return doubted.sort((a, b) => a.labelProbability - b.labelProbability || a.index - b.index)
}

/** The class among some that has the highest probability. */
const most = (among: readonly number[], row: Float64Array): number =>
  among.reduce((best, c) => (row[c]! > row[best]! ? c : best), among[0]!)

/** The mean probability of each class among the images that are labelled so; more than 1 where there are none. */
function classThresholds(
  probabilities: readonly Float64Array[],
  labels: readonly number[],
  classes: number,
): Float64Array {
  const sums = new Float64Array(classes)
  const counts = new Float64Array(classes)
  for (const [i, label] of labels.entries()) {
    sums[label] = sums[label]! + probabilities[i]![label]!
    counts[label] = counts[label]! + 1
  }
  return sums.map((sum, c) => (counts[c] === 0 ? 2 : sum / counts[c]!))
}
