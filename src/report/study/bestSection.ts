/** The settings that a study chooses, by validation accuracy; and the best test accuracy of all, named for what it is. */

import { luckiest, type StudyCell } from '../../study/index.js'
import { type Block, paragraph, type Section, type Text, type Tile } from '../document/document.js'
import type { Words } from '../locales/words.js'
import { optionName, settingText } from '../sections/settings.js'
import type { ReportedStudy } from './readStudy.js'
import { cellScore, chosen } from './scores.js'
import { scoreText, shareText } from './tableSection.js'

/** What tells a cell's settings from the base, in words. */
export function cellText({ settings }: StudyCell, words: Words): string {
  const entries = Object.entries(settings)
  if (entries.length === 0) return words.study.baseline
  return entries
    .map(([option, value]) => `${optionName(option, words)} ${settingText(value, words, option)}`)
    .join(words.study.comma)
}

/** The numbers to remember. */
export function studyTiles({ record, runs }: ReportedStudy, words: Words): Tile[] {
  const { study: text, numbers } = words
  const best = chosen(record)
  const lucky = luckiest(record)
  const seconds = runs.reduce((sum, run) => sum + (run.record.seconds ?? 0), 0)
  const done = runs.filter(run => run.record.state === 'done' || run.record.state === 'stopped').length
  const failed = runs.filter(run => run.record.state === 'failed').length
  return [
    ...(best?.score.test
      ? [
          {
            label: text.chosenTest,
            value: numbers.percent(best.score.test.mean),
            note: text.chosenNote(cellText(best.score.cell, words)),
          },
        ]
      : []),
    ...(lucky ? [{ label: text.luckyTest, value: numbers.percent(lucky.top1), note: text.luckyNote }] : []),
    {
      label: text.runs,
      value: text.runsOf(done, runs.length),
      ...(failed > 0 ? { note: text.failedRuns(failed) } : {}),
    },
    { label: text.time, value: numbers.duration(seconds) },
  ]
}

function bestBlocks({ record }: ReportedStudy, words: Words): Block[] {
  const { study: text, numbers } = words
  const best = chosen(record)
  if (!best) return [paragraph(text.nothingChosen)]
  const { score, run } = best
  const lucky = luckiest(record)
  const rows: Text[][] = [
    [
      text.chosenRow,
      cellText(score.cell, words),
      scoreText(score.validation),
      scoreText(score.test),
      score.test ? numbers.interval(...score.test.interval) : '–',
      shareText(score.meanPerClass),
    ],
    ...(lucky
      ? [
          [
            text.luckyRow,
            `${cellText(lucky.cell, words)}${words.study.comma}${text.seed(lucky.run.seed)}`,
            shareText(lucky.run.validation?.top1),
            shareText(lucky.top1),
            lucky.run.test ? numbers.interval(...lucky.run.test.interval) : '–',
            shareText(lucky.run.test?.meanPerClass),
          ],
        ]
      : []),
  ]
  const titles = [text.validationAccuracy, text.testAccuracy, text.interval, text.meanPerClass]
  return [
    {
      kind: 'table',
      columns: [{ title: '' }, { title: text.settings }, ...titles.map(title => ({ title, numeric: true }))],
      rows,
      marked: [0],
    },
    ...twinBlocks(score.cell, words),
    { kind: 'conclusion', text: [text.honest, words.sentenceGap, text.detailOf(text.seed(run.seed))] },
  ]
}

/** What test images with twins in other parts do to the accuracy of the chosen settings. */
function twinBlocks(cell: StudyCell, words: Words): Block[] {
  const { numbers } = words
  const twins = cell.runs.find(({ twins }) => twins)?.twins
  if (!twins) return []
  const without = cellScore(cell).withoutTwins
  const found = without && {
    images: numbers.count(twins.without!.images),
    accuracy: numbers.percent(without.mean),
    interval: numbers.interval(...without.interval),
  }
  return [paragraph(words.run.twins(twins.test, found))]
}

export const bestSection = (study: ReportedStudy, words: Words, sections: readonly Section[]): Section => ({
  id: 'best',
  title: words.study.bestTitle,
  blocks: bestBlocks(study, words),
  sections,
})
