/** Precision, recall and F1 of each class, from a confusion matrix. */

export interface ClassScore {
  readonly name: string
  /** Test images of the class. */
  readonly images: number
  /** Of the images that were taken for the class, the share that are of it; undefined where there are none. */
  readonly precision: number | undefined
  /** Of the class's images, the share that were recognised; undefined where there are none. */
  readonly recall: number | undefined
  /** Harmonic mean of the two: 2 TP / (2 TP + FP + FN); undefined where all three are 0. */
  readonly f1: number | undefined
}

const share = (part: number, whole: number): number | undefined => (whole > 0 ? part / whole : undefined)

/** @param confusion [true class][predicted class] counts */
export function classScores(confusion: readonly (readonly number[])[], classes: readonly string[]): ClassScore[] {
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)
  return classes.map((name, c) => {
    const right = confusion[c]![c]!
    const images = sum(confusion[c]!)
    const predicted = sum(confusion.map(row => row[c]!))
    return {
      name,
      images,
      precision: share(right, predicted),
      recall: share(right, images),
      f1: share(2 * right, images + predicted),
    }
  })
}

/** Mean over the classes for which the score is defined. */
export function meanScore(scores: readonly ClassScore[], key: 'precision' | 'recall' | 'f1'): number | undefined {
  const values = scores.flatMap(score => score[key] ?? [])
  return values.length > 0 ? values.reduce((a, b) => a + b, 0) / values.length : undefined
}
