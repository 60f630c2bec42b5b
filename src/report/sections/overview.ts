/** What a report on one run opens with: its accuracy, and what its numbers say. */
import { type Block, given, paragraph, type Text, type Tile } from '../document/document.js'
import type { Words } from '../locales/words.js'
import type { ReportedRun } from '../readRun.js'

/** Differences of accuracy below this are not worth a sentence. */
const smallGap = 0.01
const overfitGap = 0.05

/** The numbers to remember. */
export function tiles({ result, history }: ReportedRun, { run: words, numbers }: Words): Tile[] {
  if (!result) return []
  const { test, validation, bestEpoch, seconds } = result
  return [
    ...given(test, ({ top1, interval, meanPerClass }) => [
      { label: words.testAccuracy, value: numbers.percent(top1), note: words.interval(numbers.interval(...interval)) },
      { label: words.meanPerClass, value: numbers.percent(meanPerClass), note: words.meanPerClassNote },
    ]),
    ...given(validation, ({ top1 }) => [
      {
        label: words.validationAccuracy,
        value: numbers.percent(top1),
        note: words.atEpoch(bestEpoch, history.length),
      },
    ]),
    { label: words.time, value: numbers.duration(seconds.total) },
  ]
}

/** Sentences that follow from the numbers. */
export function findings({ result, history }: ReportedRun, { run: words, numbers }: Words): Text[] {
  if (!result) return []
  const { test, validation, bestEpoch, across } = result
  const best = history.find(({ epoch }) => epoch === bestEpoch)
  const gap = best?.validation ? best.train.top1 - best.validation.top1 : 0
  const left = history.length - bestEpoch
  const inWords = ({ images, top1, interval }: NonNullable<typeof test>) => ({
    images: numbers.count(images),
    accuracy: numbers.percent(top1),
    interval: numbers.interval(...interval),
  })
  return [
    ...given(test, ({ images, top1, interval, meanPerClass }) => [
      words.accuracyFound({
        images: numbers.count(images),
        right: numbers.count(Math.round(top1 * images)),
        accuracy: numbers.percent(top1),
        interval: numbers.interval(...interval),
      }),
      ...(validation ? [words.testedOnce(bestEpoch, history.length)] : []),
      ...given(across, ({ test: twins, without }) =>
        twins > 0 ? [words.twins(twins, without && inWords(without))] : [],
      ),
      ...(top1 - meanPerClass > smallGap ? [words.smallClasses(numbers.difference(top1 - meanPerClass))] : []),
    ]),
    ...(gap > overfitGap ? [words.overfits(numbers.difference(gap))] : []),
    ...(validation && left === 0 && history.length > 1 ? [words.lastIsBest] : []),
    ...(validation && left > 0 ? [words.stoppedRising(bestEpoch, history.length)] : []),
  ]
}

export function overview(run: ReportedRun, words: Words): Block[] {
  if (!run.result) return [paragraph(words.run.unfinished(run.history.length))]
  return [
    { kind: 'tiles', tiles: tiles(run, words) },
    { kind: 'list', items: findings(run, words) },
  ]
}
