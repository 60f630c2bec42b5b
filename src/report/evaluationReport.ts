/** What an evaluation leaves in a folder: every prediction, the confusion matrix as a table and a figure, and a report. */
import { readFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { csvField } from '../base/csv.js'
import { writeFileAtomic, writeJson } from '../base/files.js'
import { version } from '../base/version.js'
import type { Metrics } from '../training/index.js'
import { type TestPrediction, writePredictions } from '../training/index.js'
import type { Context } from './context.js'
import { given, type ReportDocument, type Text } from './document/document.js'
import { writeHtml } from './document/html.js'
import { writeMarkdown } from './document/markdown.js'
import { type Language, locales } from './locales/index.js'
import type { Measured } from './pictures/mistakes.js'
import { keepMistakes } from './pictures/pictures.js'
import { mistakeSections } from './sections/mistakes.js'
import { dateText } from './sections/reproduce.js'
import { confusionSections, partitionTable } from './sections/results.js'

/** What was measured, as the inference room gives it. */
export interface Evaluated extends Metrics {
  readonly interval: readonly [number, number]
  readonly seen: { readonly train: number; readonly val: number }
  readonly confusion: readonly (readonly number[])[]
  readonly predictions: readonly (TestPrediction & { readonly loss: number })[]
  /** What paths start from. */
  readonly root: string
  readonly rejection?: {
    readonly threshold: number
    readonly right: { readonly images: number; readonly passed: number }
    readonly unknown: { readonly images: number; readonly rejected: number; readonly classes: readonly string[] }
  }
}

export interface EvaluationOf {
  readonly run: string
  readonly network: string
  readonly classes: readonly string[]
  /** When it was measured. */
  readonly date: string
  readonly language?: Language
}

/**
 * Writes predictions.csv, confusion.csv, evaluation.json, report.html and report.md into a folder, which is made.
 * @returns the paths of the reports
 */
export async function writeEvaluation(
  folder: string,
  evaluated: Evaluated,
  { run, network, classes, date, language = 'en' }: EvaluationOf,
): Promise<{ readonly html: string; readonly markdown: string }> {
  const { predictions, root, ...numbers } = evaluated
  await writePredictions(folder, predictions)
  await writeFileAtomic(join(folder, 'confusion.csv'), matrixText(evaluated.confusion, classes))
  await writeJson(join(folder, 'evaluation.json'), { run: resolve(run), folder: resolve(root), date, ...numbers })
  const context: Context = { folder: resolve(folder), words: locales[language] }
  const measured: Measured = { folder: context.folder, config: { classes }, predictions, result: evaluated }
  const mistakes = await keepMistakes(measured, path => readFile(join(root, path)))
  const document = await evaluationDocument(evaluated, { ...measured, pictures: { mistakes } }, context, {
    run,
    network,
    date,
  })
  const [html, markdown] = [join(folder, 'report.html'), join(folder, 'report.md')]
  await writeFileAtomic(html, writeHtml(document))
  await writeFileAtomic(markdown, writeMarkdown(document))
  return { html, markdown }
}

/** True classes as rows, predicted ones as columns. */
function matrixText(confusion: readonly (readonly number[])[], classes: readonly string[]): string {
  const head = ['true / predicted', ...classes].map(csvField).join(',')
  const rows = confusion.map((row, c) => [csvField(classes[c]!), ...row].join(','))
  return `${[head, ...rows].join('\n')}\n`
}

async function evaluationDocument(
  evaluated: Evaluated,
  measured: Measured,
  context: Context,
  { run, network, date }: { readonly run: string; readonly network: string; readonly date: string },
): Promise<ReportDocument> {
  const { words } = context
  const { evaluation: text, results, numbers } = words
  const { images, top1, interval, meanPerClass, seen, rejection, root } = evaluated
  const { classes } = measured.config
  const share = (part: number, whole: number) => (whole === 0 ? '–' : numbers.percent(part / whole))
  const findings: Text[] = [
    text.accuracyFound({
      images: numbers.count(images),
      right: numbers.count(Math.round(top1 * images)),
      accuracy: numbers.percent(top1),
      interval: numbers.interval(...interval),
    }),
    ...(seen.train + seen.val > 0 ? [text.seen(seen.train, seen.val)] : []),
    ...given(rejection, ({ threshold, right, unknown }) => [
      text.rejectedFound({
        threshold: numbers.percent(threshold),
        right: numbers.count(right.passed),
        rightAll: numbers.count(right.images),
        unknown: numbers.count(unknown.rejected),
        unknownAll: numbers.count(unknown.images),
        classes: unknown.classes.length,
      }),
    ]),
  ]
  return {
    language: words.tag,
    title: text.title(network, basename(resolve(root))),
    subtitle: text.subtitle(dateText(date), version),
    contents: words.contents,
    lead: [
      {
        kind: 'tiles',
        tiles: [
          {
            label: text.accuracy,
            value: numbers.percent(top1),
            note: words.run.interval(numbers.interval(...interval)),
          },
          { label: words.run.meanPerClass, value: numbers.percent(meanPerClass) },
          { label: text.images, value: numbers.count(images) },
          ...given(rejection, ({ right, unknown }) => [
            { label: text.passing, value: share(right.passed, right.images) },
            ...(unknown.images > 0 ? [{ label: text.rejected, value: share(unknown.rejected, unknown.images) }] : []),
          ]),
        ],
      },
      { kind: 'list', items: findings },
    ],
    sections: [
      {
        id: 'results',
        title: results.results,
        blocks: [
          {
            kind: 'facts',
            facts: [
              [text.model, { code: run }],
              [text.images, { code: root }],
            ],
          },
          partitionTable([[basename(resolve(root)), { ...evaluated, interval: [...interval] }]], classes.length, words),
        ],
        sections: await confusionSections(evaluated.confusion, classes, context),
      },
      ...(await mistakeSections(measured, context)),
    ],
    footer: words.footer(version),
  }
}
