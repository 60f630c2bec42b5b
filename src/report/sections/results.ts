/** How well a run's model does on images that it was not trained on: overall, and class by class. */

import type { RunResult } from '../../training/index.js'
import { type ClassScore, classScores, meanScore } from '../classScores.js'
import { type Context, figure } from '../context.js'
import { type Block, paragraph, type Section, type Table } from '../document/document.js'
import { confusionMatrix } from '../figures/confusionMatrix.js'
import type { Words } from '../locales/words.js'

/** The table of all classes is folded away where there are more, and these are shown. */
const weakest = 12

const percent = (share: number | undefined): string => (share === undefined ? '–' : (100 * share).toFixed(1))

export async function resultsSection(
  { result, classes }: { readonly result: RunResult; readonly classes: readonly string[] },
  context: Context,
): Promise<Section> {
  const { words } = context
  const { results: text } = words
  const { validation, test, across } = result
  const parts = [
    [text.validation, validation],
    [text.test, test],
    [text.testWithout, across?.without],
  ] as const
  return {
    id: 'results',
    title: text.results,
    blocks: [
      partitionTable(parts, classes.length, words),
      ...(test && validation ? [paragraph(text.validationOptimistic)] : []),
    ],
    sections: test ? await confusionSections(result.confusion, classes, context) : [],
  }
}

/** Which classes are taken for which, and how well each is known. */
export async function confusionSections(
  confusion: readonly (readonly number[])[],
  classes: readonly string[],
  context: Context,
): Promise<Section[]> {
  const { words } = context
  const { results: text, figures } = words
  const spec = confusionMatrix(confusion, classes, figures)
  return [
    {
      id: 'confusion',
      title: text.confusion,
      blocks: [await figure(context, 'confusion', spec, { alt: text.confusionAlt })],
    },
    { id: 'scores', title: text.scores, blocks: scoreBlocks(classScores(confusion, classes), words) },
  ]
}

/** A row for each of the parts that were measured. */
export function partitionTable(
  parts: readonly (readonly [name: string, metrics: RunResult['test']])[],
  classes: number,
  { results: text, numbers }: Words,
): Table {
  // Among five classes every image is in the top five
  const ranks = classes > 5
  const titles = [text.images, text.top1, text.interval, ...(ranks ? [text.top5] : []), text.meanPerClass, text.loss]
  return {
    kind: 'table',
    columns: [{ title: text.part }, ...titles.map(title => ({ title, numeric: true }))],
    rows: parts.flatMap(([name, metrics]) =>
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
        : [],
    ),
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
