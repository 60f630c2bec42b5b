/** Metrics of a classifier, counted batch by batch: loss, top-1, top-5, mean per-class accuracy, confusion. */

/** Running counts; plain data, so that an interrupted epoch can go on with them. */
export interface Counts {
  readonly classes: number
  images: number
  lossSum: number
  top1: number
  top5: number
  /** [true class * classes + predicted class] */
  readonly confusion: number[]
}

/** What the counts amount to; accuracies are fractions from 0 to 1. */
export interface Metrics {
  readonly images: number
  readonly loss: number
  readonly top1: number
  readonly top5: number
  /** Mean of the classes' accuracies, over classes that have images: small classes count as much as large ones. */
  readonly meanPerClass: number
}

/** One image's outcome. */
export interface Prediction {
  readonly predicted: number
  /** Softmax probability of the predicted class. */
  readonly probability: number
  /** Cross-entropy with the true class. */
  readonly loss: number
}

export const newCounts = (classes: number): Counts => ({
  classes,
  images: 0,
  lossSum: 0,
  top1: 0,
  top5: 0,
  confusion: new Array<number>(classes * classes).fill(0),
})

/** Classes by falling logit; equal ones by index. */
export const ranking = (logits: Float32Array): number[] =>
  [...logits.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b)

/** Softmax probabilities, in double precision. */
export function softmax(logits: Float32Array): Float64Array {
  const largest = logits.reduce((a, b) => Math.max(a, b), -Infinity)
  const powers = Float64Array.from(logits, z => Math.exp(z - largest))
  const sum = powers.reduce((a, b) => a + b, 0)
  return powers.map(power => power / sum)
}

/**
 * Counts the first `labels.length` rows of a batch's logits [N, classes]; further rows are padding.
 * @returns each image's outcome
 */
export function count(counts: Counts, logits: Float32Array, labels: ArrayLike<number>): Prediction[] {
  const { classes } = counts
  return Array.from(labels, (label, row) => {
    const scores = logits.subarray(row * classes, (row + 1) * classes)
    const target = scores[label]!
    let better = 0
    let predicted = 0
    for (let c = 0; c < classes; c++) {
      const score = scores[c]!
      // Written so that a class whose logit is no number never counts as the best.
      if (c !== label && !(score < target || (score === target && c > label))) better++
      if (score > scores[predicted]!) predicted = c
    }
    const largest = scores[predicted]!
    let sum = 0
    for (let c = 0; c < classes; c++) sum += Math.exp(scores[c]! - largest)
    const loss = largest - target + Math.log(sum)
    counts.images++
    counts.lossSum += loss
    if (better < 1) counts.top1++
    if (better < 5) counts.top5++
    const cell = label * classes + predicted
    counts.confusion[cell] = counts.confusion[cell]! + 1
    return { predicted, probability: 1 / sum, loss }
  })
}

/** Images and accuracy of each class; the accuracy of a class without images is undefined. */
export function perClass({ classes, confusion }: Counts): { images: number; top1: number | undefined }[] {
  return Array.from({ length: classes }, (_, c) => {
    const images = confusion.slice(c * classes, (c + 1) * classes).reduce((a, b) => a + b, 0)
    return { images, top1: images ? confusion[c * classes + c]! / images : undefined }
  })
}

/** A share in words: 97.2 %. */
export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

export function summarise(counts: Counts): Metrics {
  const { images } = counts
  const accuracies = perClass(counts).flatMap(({ top1 }) => (top1 === undefined ? [] : [top1]))
  const share = (value: number) => (images ? value / images : 0)
  return {
    images,
    loss: share(counts.lossSum),
    top1: share(counts.top1),
    top5: share(counts.top5),
    meanPerClass: accuracies.reduce((a, b) => a + b, 0) / Math.max(accuracies.length, 1),
  }
}

/** What images come to without some of them. @param keep which of the images, by their place in `scored` */
export function countsOf(
  classes: number,
  scored: readonly { readonly logits: Float32Array; readonly label: number }[],
  keep: (place: number) => boolean,
): Counts {
  const counts = newCounts(classes)
  scored.forEach(({ logits, label }, place) => {
    if (keep(place)) count(counts, logits, [label])
  })
  return counts
}

/** Metrics with the 95 % interval of their top-1 accuracy. */
export const withInterval = <M extends Metrics>(metrics: M): M & { interval: [number, number] } => ({
  ...metrics,
  interval: wilsonInterval(metrics.top1, metrics.images),
})

/** The 95 % interval of a share of `total`, by Wilson's score (Wilson 1927): [low, high]. */
export function wilsonInterval(share: number, total: number): [number, number] {
  if (total === 0) return [0, 1]
  const z = 1.959964
  const centre = share + (z * z) / (2 * total)
  const spread = z * Math.sqrt((share * (1 - share)) / total + (z * z) / (4 * total * total))
  const scale = 1 + (z * z) / total
  return [Math.max(0, (centre - spread) / scale), Math.min(1, (centre + spread) / scale)]
}
