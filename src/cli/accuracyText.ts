/** Accuracies in a line. */
import type { Metrics } from '../training/index.js'
import { percent } from './terminal/format.js'

/** Among so few classes every image is in the top five. */
export const TOP5_CLASSES = 6

/** @param classes of the model */
export function accuracyText(
  { top1, interval: [low, high], top5, meanPerClass, loss }: Metrics & { readonly interval: readonly [number, number] },
  classes: number,
): string {
  return [
    `top-1 ${percent(top1)} (95 % interval ${percent(low)} to ${percent(high)})`,
    ...(classes >= TOP5_CLASSES ? [`top-5 ${percent(top5)}`] : []),
    `mean per class ${percent(meanPerClass)}`,
    `loss ${loss.toFixed(3)}`,
  ].join(', ')
}
