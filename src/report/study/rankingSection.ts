/** The ranking of a study: all settings by validation accuracy. */
import type { Outcomes, StudyCell } from '../../study/index.js'
import { SIGNIFICANT } from '../../study/mcnemar.js'
import { type Context, figure } from '../context.js'
import { type Block, paragraph, type Section, type Table } from '../document/document.js'
import { responseFigure } from '../figures/response.js'
import type { Words } from '../locales/words.js'
import { optionName, settingText } from '../sections/settings.js'
import { cellText } from './bestSection.js'
import { differencesOf } from './pairs.js'
import type { ReportedStudy } from './readStudy.js'
import { byValidation, type CellScore, cellScore } from './scores.js'
import { scoreText, shareText } from './tableSection.js'

/** Longer rankings are folded away below so many rows. */
const shownRows = 20
const mostColumns = 3
const mostResponses = 6
/** Fewer values are read from the table. */
const fewestValues = 3

export async function rankingSection({ record, outcomes }: ReportedStudy, context: Context): Promise<Section> {
  const { words } = context
  const { study: text, numbers } = words
  const ranked = byValidation(record.cells.map(cellScore))
  const varied = [...new Set(record.cells.flatMap(({ settings }) => Object.keys(settings)))]
  // A column for each, where they are few enough to fit and rows differ in most of them.
  const options = record.kind !== 'one-at-a-time' && varied.length <= mostColumns ? varied : undefined
  const settings = (cell: StudyCell): string[] =>
    options?.map(option => settingText(cell.settings[option] ?? record.base[option], words, option)) ?? [
      cellText(cell, words),
    ]
  const twins = ranked.some(({ withoutTwins }) => withoutTwins)
  const tested = [text.testAccuracy, text.interval, ...(twins ? [text.withoutTwins] : [])]
  const table = (scores: readonly CellScore[]): Table => ({
    kind: 'table',
    columns: [
      { title: text.rank, numeric: true },
      ...(options?.map(option => ({ title: optionName(option, words), numeric: true })) ?? [{ title: text.settings }]),
      ...[text.validationAccuracy, ...tested, text.meanPerClass, text.epochs].map(title => ({
        title,
        numeric: true,
      })),
    ],
    rows: scores.map((score, i) => [
      String(i + 1),
      ...settings(score.cell),
      scoreText(score.validation),
      scoreText(score.test),
      score.test ? numbers.interval(...score.test.interval) : '–',
      ...(twins ? [scoreText(score.withoutTwins)] : []),
      shareText(score.meanPerClass),
      epochsText(score, words),
    ]),
    marked: scores.length > 0 ? [scores.findIndex(({ runs }) => runs > 0)] : [],
  })
  const blocks: Block[] = [
    paragraph(text.rankingText),
    table(ranked.slice(0, shownRows)),
    ...(ranked.length > shownRows
      ? [{ kind: 'details' as const, summary: text.allSettings(ranked.length), blocks: [table(ranked)] }]
      : []),
    ...levelBlock(ranked, outcomes, words),
    ...(record.kind === 'one-at-a-time' ? [] : await responses(ranked, varied, context)),
  ]
  return { id: 'ranking', title: text.ranking, blocks }
}

/** For each setting with numbers, how validation accuracy goes with them. */
async function responses(ranked: readonly CellScore[], options: readonly string[], context: Context): Promise<Block[]> {
  const { study: text, figures } = context.words
  const drawn: Block[] = []
  for (const option of options.slice(0, mostResponses)) {
    const points = ranked.flatMap(({ cell, validation, runs }) => {
      const value = cell.settings[option]
      return typeof value === 'number' && validation ? [{ value, accuracy: validation.mean, stopped: runs === 0 }] : []
    })
    if (new Set(points.map(({ value }) => value)).size < fewestValues) continue
    const name = optionName(option, context.words)
    const spec = responseFigure(name, points, figures)
    drawn.push(await figure(context, `val_by_${option}`, spec, { alt: text.responseAlt(name) }))
  }
  return drawn.length > 0 ? [paragraph(text.responses), ...drawn] : []
}

/** Epochs trained; those of runs that halving stopped say so. */
function epochsText({ cell, runs }: CellScore, { study: text }: Words): string {
  const epochs = Math.max(0, ...cell.runs.map(run => run.epochs ?? 0))
  return runs > 0 ? String(epochs) : text.stoppedAfter(epochs)
}

/** How many of the settings cannot be told apart from the one that validation chose: on the test images, which had no part in that. */
export function levelBlock(ranked: readonly CellScore[], outcomes: Outcomes, { study: text }: Words): Block[] {
  const finished = ranked.filter(({ runs }) => runs > 0)
  const best = finished[0]?.validation
  if (!best || finished.length < 2) return []
  const { by, pairs } = differencesOf(finished, outcomes, 0)
  if (by === 'pairs') {
    const differing = pairs.filter(({ corrected }) => corrected < SIGNIFICANT)
    const worse = differing.filter(({ onlyFirst, onlySecond }) => onlyFirst > onlySecond).length
    const counts = { others: pairs.length, worse, better: differing.length - worse }
    return [{ kind: 'conclusion', text: text.testedAgainstFirst(counts) }]
  }
  const level = finished.slice(1).filter(({ validation }) => validation && validation.interval[1] >= best.interval[0])
  return [{ kind: 'conclusion', text: text.levelWithBest(level.length, finished.length - 1) }]
}
