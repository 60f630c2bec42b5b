/** How well a run's model does on images that it was not trained on: overall, and class by class. */

import type { RunResult } from '../../training/index.js'
import { type ClassScore, classScores, meanScore } from '../classScores.js'
import { confusionMatrix } from '../confusionMatrix.js'
import { type Context, figure } from '../context.js'
import { type Block, paragraph, type Section, type Table } from '../document.js'
import type { Words } from '../locales/words.js'

/** The table of all classes is folded away where there are more, and these are shown. */
const weakest = 12

const percent = (share: number | undefined): string => (share === undefined ? '–' : (100 * share).toFixed(1))

export async function resultsSection(
  { result, classes }: { readonly result: RunResult; readonly classes: readonly string[] },
  context: Context,
): Promise<Section> {
  const { words } = context
  const { results: text, figures } = words
  const tested = result.test !== undefined
  const matrix = tested
    ? [
        {
          id: 'confusion',
          title: text.confusion,
          blocks: [
            await figure(context, 'confusion', confusionMatrix(result.confusion, classes, figures), {
              alt: text.confusionAlt,
            }),
          ],
        },
        { id: 'scores', title: text.scores, blocks: scoreBlocks(classScores(result.confusion, classes), words) },
      ]
    : []
  return {
    id: 'results',
    title: text.results,
    blocks: [
      partitionTable(result, words),
      ...(tested && result.validation ? [paragraph(text.validationOptimistic)] : []),
    ],
    sections: matrix,
  }
}

function partitionTable({ validation, test, across, perClass }: RunResult, { results: text, numbers }: Words): Table {
  // Among five classes every image is in the top five
  const ranks = perClass.length > 5
  const row = (name: string, metrics: RunResult['test']) =>
    metrics
      ? [
          [
            name,
            numbers.count(metrics.images),
            percent(metrics.top1),
            numbers.interval(...metrics.interval),
            ...(ranks ? [percent(metrics.top5)] : []),
            percent(metrics.meanPerClass),
            metrics.loss.toFixed(3),
          ],
        ]
      : []
  const titles = [text.images, text.top1, text.interval, ...(ranks ? [text.top5] : []), text.meanPerClass, text.loss]
  return {
    kind: 'table',
    columns: [{ title: text.part }, ...titles.map(title => ({ title, numeric: true }))],
    rows: [...row(text.validation, validation), ...row(text.test, test), ...row(text.testWithout, across?.without)],
  }
}

function scoreBlocks(scores: readonly ClassScore[], { results: text, done, numbers }: Words): Block[] {
  const mean = (key: 'precision' | 'recall' | 'f1') => numbers.percent(meanScore(scores, key) ?? 0)
  const table = (shown: readonly ClassScore[], caption?: string): Table => ({
    kind: 'table',
    columns: [
      { title: done.class },
      ...[text.images, text.precision, text.recall, text.f1].map(title => ({ title, numeric: true })),
    ],
    rows: shown.map(({ name, images, precision, recall, f1 }) => [
      name,
      numbers.count(images),
      percent(precision),
      percent(recall),
      percent(f1),
    ]),
    ...(caption === undefined ? {} : { caption }),
  })
  const summary = paragraph(text.scoresText(mean('precision'), mean('recall'), mean('f1')))
  if (scores.length <= weakest) return [summary, table(scores)]
  const lowest = scores
    .filter(({ images }) => images > 0)
    .sort((a, b) => (a.f1 ?? 0) - (b.f1 ?? 0))
    .slice(0, weakest)
  return [
    summary,
    table(lowest, text.weakest(lowest.length)),
    { kind: 'details', summary: text.allClasses(scores.length), blocks: [table(scores)] },
  ]
}
