/** How training went: curves of accuracy and loss, and a table of the epochs. */
import { type Context, figure } from '../context.js'
import { accuracyCurves, lossCurves } from '../curves.js'
import type { Section } from '../document.js'
import type { ReportedRun } from '../readRun.js'
import { settingText } from './settings.js'

export async function trainingSection({ history, result }: ReportedRun, context: Context): Promise<Section> {
  const { results: words, figures } = context.words
  const best = result?.bestEpoch
  const percent = (share: number | undefined) => (share === undefined ? '' : (100 * share).toFixed(1))
  const rows = history.map(({ epoch, lrBackbone, lrHead, train, validation, seconds }) => [
    String(epoch),
    settingText(Number(lrBackbone.toPrecision(3)), context.words),
    settingText(Number(lrHead.toPrecision(3)), context.words),
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
