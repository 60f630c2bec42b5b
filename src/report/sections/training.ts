/** How training went: curves of accuracy and loss, and a table of the epochs. */

import type { EpochRecord } from '../../training/index.js'
import { type Context, figure } from '../context.js'
import type { Block, Section } from '../document/document.js'
import { accuracyCurves, lossCurves, overlaidAccuracy } from '../figures/curves.js'
import { rateText } from '../figures/lrFinder.js'
import type { ReportedRun } from '../readRun.js'

export async function trainingSection({ history, result, scratch }: ReportedRun, context: Context): Promise<Section> {
  const { results: words, figures } = context.words
  const best = result?.bestEpoch
  const percent = (share: number | undefined) => (share === undefined ? '' : (100 * share).toFixed(1))
  const rows = history.map(({ epoch, lrBackbone, lrHead, train, validation, seconds }) => [
    String(epoch),
    rateText(lrBackbone),
    rateText(lrHead),
    train.loss.toFixed(3),
    percent(train.top1),
    validation?.loss.toFixed(3) ?? '',
    percent(validation?.top1),
    percent(validation?.meanPerClass),
    seconds.toFixed(1),
  ])
  const titles = [
    words.epoch,
    words.rateBackbone,
    words.rateHead,
    words.trainLoss,
    words.trainAccuracy,
    words.validationLoss,
    words.validationAccuracy,
    words.perClass,
    words.seconds,
  ]
  return {
    id: 'training',
    title: words.training,
    blocks: [
      await figure(context, 'accuracy', accuracyCurves(history, best, figures), { alt: words.accuracyAlt }),
      await figure(context, 'loss', lossCurves(history, best, figures), { alt: words.lossAlt }),
      ...(await comparison(history, scratch, context)),
      {
        kind: 'details',
        summary: words.epochTable,
        blocks: [
          {
            kind: 'table',
            columns: titles.map(title => ({ title, numeric: true })),
            rows,
            marked: history.flatMap(({ epoch }, i) => (epoch === best ? [i] : [])),
          },
        ],
      },
    ],
  }
}

/** Beside the same run from random weights, where there is one. */
async function comparison(
  history: readonly EpochRecord[],
  scratch: readonly EpochRecord[],
  context: Context,
): Promise<Block[]> {
  if (scratch.length === 0) return []
  const { scratch: words } = context.words.results
  const curves = new Map([
    [words.pretrained, history],
    [words.random, scratch],
  ])
  const best = (records: readonly EpochRecord[]) =>
    context.words.numbers.percent(Math.max(...records.map(({ validation }) => validation?.top1 ?? 0)))
  return [
    await figure(context, 'scratch', overlaidAccuracy(curves, context.words.figures), { alt: words.alt }),
    { kind: 'paragraph', text: [words.sentence(best(history), best(scratch))] },
  ]
}
