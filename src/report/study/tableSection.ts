/** One table of a study: how test accuracy changes with one option, and what that bears. */

import { type Context, figure } from '../context.js'
import { type Block, paragraph, type Section, type Text } from '../document/document.js'
import { comparisonFigure } from '../figures/comparison.js'
import { overlaidAccuracy } from '../figures/curves.js'
import type { Words } from '../locales/words.js'
import { optionName, settingText } from '../sections/settings.js'
import { type Conclusion, conclude, type Row, referenceBest } from './conclusion.js'
import { type Differences, differencesOf, pText } from './pairs.js'
import type { ReportedStudy } from './readStudy.js'
import { type CellScore, cellScore, type Score } from './scores.js'

/** What the runs of a table reached, what tells its rows apart, and what follows. */
export function measure({ record, outcomes }: ReportedStudy, table: TableRecord) {
  const rows: readonly (Row & { readonly score: CellScore; readonly cell: number })[] = table.rows.map(row => {
    const score = cellScore(record.cells[row.cell]!)
    return { ...row, score, test: score.test }
  })
  const differences = differencesOf(
    rows.map(({ score: { cell, test } }) => ({ cell, test })),
    outcomes,
  )
  return { rows, differences, conclusion: conclude(rows, differences) }
}

type TableRecord = ReportedStudy['record']['tables'][number]

/** '94.6 ± 0.2', in per cent. */
export function scoreText(score: Pick<Score, 'mean' | 'deviation'> | undefined): string {
  if (!score) return '–'
  const spread = score.deviation === undefined ? '' : ` ± ${(100 * score.deviation).toFixed(1)}`
  return `${(100 * score.mean).toFixed(1)}${spread}`
}

export const shareText = (share: number | undefined): string => (share === undefined ? '–' : (100 * share).toFixed(1))

export async function tableSection(study: ReportedStudy, table: TableRecord, context: Context): Promise<Section> {
  const { words } = context
  const { study: text, numbers } = words
  const { rows, differences, conclusion } = measure(study, table)
  const isBaseline = ({ cell }: CellScore) => Object.keys(cell.settings).length === 0
  const label = (row: (typeof rows)[number]) => settingText(row.value, words, table.option)
  const hasReference = rows.some(({ reference }) => reference !== undefined)
  const twins = rows.some(({ score }) => score.withoutTwins)
  const name = optionName(table.option, words)
  const blocks: Block[] = [
    {
      kind: 'table',
      columns: [
        { title: name },
        ...[
          text.validationAccuracy,
          text.testAccuracy,
          text.interval,
          ...(twins ? [text.withoutTwins] : []),
          text.meanPerClass,
          ...(hasReference ? [text.reference] : []),
          text.seeds,
        ].map(title => ({ title, numeric: true })),
      ],
      rows: rows.map(row => [
        isBaseline(row.score) ? label(row) + numbers.aside(text.baseline) : label(row),
        scoreText(row.score.validation),
        scoreText(row.score.test),
        row.score.test ? numbers.interval(...row.score.test.interval) : '–',
        ...(twins ? [scoreText(row.score.withoutTwins)] : []),
        shareText(row.score.meanPerClass),
        ...(hasReference ? [shareText(row.reference)] : []),
        String(row.score.runs),
      ]),
    },
    { kind: 'conclusion', text: conclusionText(conclusion, table.option, words) },
    ...pairTable(
      rows.map(row => label(row)),
      differences,
      words,
    ),
    ...referenceBlock(rows, conclusion, table.option, words),
    await figure(
      context,
      `compare_${table.option}`,
      comparisonFigure(
        name,
        rows.map(row => ({
          label: label(row),
          mean: row.score.test?.mean,
          interval: row.score.test?.interval,
          reference: row.reference,
        })),
        words.figures,
      ),
      { alt: text.comparisonAlt(name) },
    ),
    ...(await overlay(
      study,
      rows.map(row => ({ label: label(row), cell: row.cell })),
      table.option,
      context,
    )),
  ]
  return { id: `table-${table.option}`, title: name, blocks }
}

/** Every pair of rows: the images that only one of them is right about, and whether that is chance. */
function pairTable(labels: readonly string[], { pairs }: Differences, { study: text }: Words): Block[] {
  if (pairs.length === 0) return []
  const table: Block = {
    kind: 'table',
    columns: [
      { title: text.firstRow },
      { title: text.secondRow },
      ...[text.onlyFirst, text.onlySecond, text.pValue, text.corrected].map(title => ({ title, numeric: true })),
    ],
    rows: pairs.map(({ first, second, onlyFirst, onlySecond, p, corrected }) => [
      labels[first]!,
      labels[second]!,
      String(onlyFirst),
      String(onlySecond),
      pText(p).replace('p = ', '').replace('p ', ''),
      pText(corrected).replace('p = ', '').replace('p ', ''),
    ]),
  }
  return [{ kind: 'details', summary: text.pairs, blocks: [table] }]
}

/** Validation accuracy over epochs, one line a row: of its first seed. */
async function overlay(
  study: ReportedStudy,
  rows: readonly { readonly label: string; readonly cell: number }[],
  option: string,
  context: Context,
): Promise<Block[]> {
  const { study: text, figures } = context.words
  const lines = new Map(
    rows.flatMap(({ label, cell }) => {
      const run = study.runs.find(
        ({ cell: own, history }) => own === study.record.cells[cell] && history.some(({ validation }) => validation),
      )
      return run ? [[label, run.history] as const] : []
    }),
  )
  if (lines.size < 2) return []
  const figureOf = overlaidAccuracy(lines, figures)
  return [await figure(context, `acc_by_${option}`, figureOf, { alt: text.overlayAlt, caption: text.overlayCaption })]
}

/** The conclusion in words. */
export function conclusionText(conclusion: Conclusion, option: string, words: Words): Text {
  const { study: text, numbers } = words
  const value = (setting: Parameters<typeof settingText>[0]) => settingText(setting, words, option)
  switch (conclusion.kind) {
    case 'too-few':
      return text.tooFew
    case 'noise':
      return text.noise(numbers.difference(conclusion.difference), conclusion.by)
    case 'trend': {
      const { better, from, to, difference, level, p } = conclusion
      const says = better === 'larger' ? text.largerIsBetter : text.smallerIsBetter
      return [
        says(value(from), value(to), numbers.points(difference), text.evidence(p === undefined ? undefined : pText(p))),
        ...(level.length > 0 ? [words.sentenceGap, text.level(value(to), level.map(value))] : []),
      ]
    }
    case 'best': {
      const { value: best, worse, difference, level, p, by } = conclusion
      return [
        worse.length > 0
          ? text.best(
              value(best),
              worse.map(value),
              numbers.points(difference),
              text.evidence(p === undefined ? undefined : pText(p)),
            )
          : text.someDiffer(numbers.difference(difference), by),
        ...(level.length > 0 && worse.length > 0 ? [words.sentenceGap, text.level(value(best), level.map(value))] : []),
      ]
    }
  }
}

/** Whether the reference has its best row where this study has it, where that can be said. */
function referenceBlock(
  rows: Parameters<typeof referenceBest>[0],
  { kind }: Conclusion,
  option: string,
  words: Words,
): Block[] {
  const best = referenceBest(rows)
  if (!best || best.here === undefined || kind === 'too-few') return []
  const { study: text, numbers } = words
  const [there, here] = [settingText(best.value, words, option), settingText(best.here, words, option)]
  const accuracy = numbers.percent(best.accuracy)
  if (kind === 'noise') return [paragraph(text.referenceOpen(there, accuracy))]
  return [
    paragraph(there === here ? text.referenceAgrees(there, accuracy) : text.referenceDiffers(there, accuracy, here)),
  ]
}
