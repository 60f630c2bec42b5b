/** The report of a study. */
import { version } from '../../base/version.js'
import { trainingOptions } from '../../training/index.js'
import { trainCommand } from '../command.js'
import type { Context } from '../context.js'
import { type Block, paragraph, type ReportDocument, type Section, type Text } from '../document/document.js'
import type { Words } from '../locales/words.js'
import { type ReportedRun, readRun } from '../readRun.js'
import { runSections } from '../runReport.js'
import { costSection } from '../sections/cost.js'
import { dataSection } from '../sections/data.js'
import { networkSection } from '../sections/network.js'
import { dateText, originFacts } from '../sections/reproduce.js'
import { optionName, settingText } from '../sections/settings.js'
import { bestSection, studyTiles } from './bestSection.js'
import { rankingSection } from './rankingSection.js'
import type { ReportedStudy } from './readStudy.js'
import { failedSections, runsSection } from './runsSection.js'
import { chosen } from './scores.js'
import { conclusionText, measure, tableSection } from './tableSection.js'

export async function studyReport(study: ReportedStudy, context: Context): Promise<ReportDocument> {
  const { words } = context
  const { record } = study
  const best = await bestRun(study)
  const sections: Section[] = [
    {
      id: 'done',
      title: words.done.title,
      blocks: designBlocks(study, best !== undefined, context),
      sections: best ? [networkSection(best, words), await dataSection(best, context)] : [],
    },
    ...(await tables(study, context)),
    await rankingSection(study, context),
    bestSection(study, words, best ? await runSections(best, context) : []),
    await runsSection(study, context),
    ...failedSections(study, context),
    ...(best ? [studyCost(study, best, words)] : []),
    reproduceSection(study, best, context),
  ]
  return {
    language: words.tag,
    title: words.study.title(record.name),
    subtitle: words.study.subtitle(dateText(record.started), version),
    contents: words.contents,
    lead: [
      { kind: 'tiles', tiles: studyTiles(study, words) },
      ...unfinished(study, context),
      ...findings(study, context),
    ],
    sections,
    footer: words.footer(version),
  }
}

function studyCost({ runs }: ReportedStudy, best: ReportedRun, words: Words): Section {
  const seconds = runs.reduce((sum, { record }) => sum + (record.seconds ?? 0), 0)
  const cost = costSection(best, words)
  return { ...cost, blocks: [paragraph(words.study.costText(words.numbers.duration(seconds))), ...cost.blocks] }
}

/** The best run where one was chosen; else any that has begun, for what all have in common. */
async function bestRun({ record, runs }: ReportedStudy): Promise<ReportedRun | undefined> {
  const best = chosen(record)?.run
  const shown = runs.find(run => run.record === best && run.config) ?? runs.find(run => run.config)
  return shown && readRun(shown.folder)
}

function unfinished({ runs }: ReportedStudy, { words }: Context): Block[] {
  const left = runs.filter(({ record }) => record.state === 'waiting' || record.state === 'running').length
  return left > 0 ? [paragraph(words.study.unfinished(left))] : []
}

/** Each table's conclusion in a line. */
function findings(study: ReportedStudy, { words }: Context): Block[] {
  const items = study.record.tables.map((table): Text => {
    const { option } = table
    const says = conclusionText(measure(study, table).conclusion, option, words)
    return [{ strong: optionName(option, words) }, words.study.colon, ...[says].flat()]
  })
  return items.length > 0 ? [{ kind: 'list', items }] : []
}

/** What varied, what stayed, and how often each was run. @param networkFollows a section of its own tells of the network */
function designBlocks({ record }: ReportedStudy, networkFollows: boolean, { words }: Context): Block[] {
  const { study: text } = words
  const base: Record<string, unknown> = { ...trainingOptions.parse({}), ...record.base }
  const varied = new Set(record.cells.flatMap(({ settings }) => Object.keys(settings)))
  const shown = [...new Set([...named, ...Object.keys(record.base), ...varied])].filter(
    option => !hidden.has(option) && !(networkFollows && !varied.has(option) && ofNetwork.has(option)),
  )
  return [
    paragraph(text.kinds[record.kind]),
    ...(record.seeds.length > 1 ? [paragraph(text.severalSeeds(record.seeds.length))] : [paragraph(text.oneSeed)]),
    ...(record.scaleEpochs === 1 ? [] : [paragraph(text.scaled(String(record.scaleEpochs)))]),
    {
      kind: 'facts',
      facts: shown.map(option => [
        optionName(option, words),
        settingText(base[option], words, option) + (varied.has(option) ? words.numbers.aside(text.varies) : ''),
      ]),
    },
  ]
}

const named = ['epochs', 'batchSize', 'lrBackbone', 'lrHead', 'optimiser', 'weightDecay', 'schedule', 'gamma']
const ofNetwork = new Set(['network', 'weights', 'weightsPrefix', 'match'])
const hidden = new Set(['run', 'seed', 'exclude', 'skipBadImages', 'labels'])

async function tables(study: ReportedStudy, context: Context): Promise<Section[]> {
  const { study: text } = context.words
  const sections: Section[] = []
  for (const table of study.record.tables) sections.push(await tableSection(study, table, context))
  if (sections.length === 0) return []
  const paired = study.record.tables.some(table => measure(study, table).differences.by === 'pairs')
  return [
    {
      id: 'tables',
      title: text.tables,
      blocks: [paragraph(text.tablesText(paired ? 'pairs' : 'intervals'))],
      sections,
    },
  ]
}

function reproduceSection({ record }: ReportedStudy, best: ReportedRun | undefined, { words }: Context): Section {
  const { study: text, reproduce } = words
  return {
    id: 'reproduce',
    title: reproduce.title,
    blocks: [
      paragraph(text.reproduceText),
      { kind: 'code', code: record.command },
      ...(best && chosen(record)
        ? [paragraph(text.reproduceBest), { kind: 'code' as const, code: trainCommand(best.config) }]
        : []),
      paragraph(reproduce.sameBits),
      ...(best ? [originFacts(best, words)] : []),
    ],
  }
}
