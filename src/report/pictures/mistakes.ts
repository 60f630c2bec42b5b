/** What a classifier gets wrong: pairs of classes that it confuses, and single images with a high loss. */
import type { TestPrediction } from '../../training/index.js'
import type { PictureIndex } from './pictureIndex.js'

/** What was measured, with the pictures that were kept below its folder. */
export interface Measured {
  readonly folder: string
  readonly config: { readonly classes: readonly string[] }
  readonly predictions: readonly TestPrediction[]
  /** Confusion: [true][predicted]. */
  readonly result?: { readonly confusion: readonly (readonly number[])[] } | undefined
  readonly pictures?: Pick<PictureIndex, 'mistakes'> | undefined
}

/** Images of one class that were taken for another. */
export interface ConfusedPair {
  readonly trueClass: string
  readonly predictedClass: string
  readonly images: number
  /** Of the test images of the true class. */
  readonly share: number
}

/** The pairs with the most images, larger shares of their class first among equals. @param confusion [true][predicted] */
export function mostConfused(
  confusion: readonly (readonly number[])[],
  classes: readonly string[],
  count: number,
): ConfusedPair[] {
  const pairs = confusion.flatMap((row, actual) => {
    const total = row.reduce((a, b) => a + b, 0)
    return row.flatMap((images, predicted) =>
      images > 0 && predicted !== actual
        ? [{ trueClass: classes[actual]!, predictedClass: classes[predicted]!, images, share: images / total }]
        : [],
    )
  })
  return pairs.sort((a, b) => b.images - a.images || b.share - a.share).slice(0, count)
}

/** By falling loss; where losses were not recorded, by falling confidence in the wrong class. */
const bySeverity = (a: TestPrediction, b: TestPrediction): number =>
  (b.loss ?? b.probability) - (a.loss ?? a.probability)

/** The mistakes of a pair, the worst first. */
export const mistakesOf = (
  pair: Pick<ConfusedPair, 'trueClass' | 'predictedClass'>,
  predictions: readonly TestPrediction[],
): TestPrediction[] =>
  predictions
    .filter(row => row.trueClass === pair.trueClass && row.predictedClass === pair.predictedClass)
    .sort(bySeverity)

/** The mistakes with the highest loss. */
export const worstMistakes = (predictions: readonly TestPrediction[], count: number): TestPrediction[] =>
  predictions
    .filter(row => row.trueClass !== row.predictedClass)
    .sort(bySeverity)
    .slice(0, count)
