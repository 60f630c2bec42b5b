/** The report of one run. */
import { basename } from 'node:path'
import { version } from '../base/version.js'
import type { Context } from './context.js'
import type { ReportDocument, Section } from './document/document.js'
import type { ReportedRun } from './readRun.js'
import { calibrationSection } from './sections/calibration.js'
import { costSection } from './sections/cost.js'
import { dataSection } from './sections/data.js'
import { mistakeSections } from './sections/mistakes.js'
import { networkSection } from './sections/network.js'
import { overview } from './sections/overview.js'
import { dateText, reproduceSection } from './sections/reproduce.js'
import { resultsSection } from './sections/results.js'
import { settingsSection } from './sections/settings.js'
import { trainingSection } from './sections/training.js'

/** Everything on how one run went and how well its model does; shared with the report of a study. */
export async function runSections(run: ReportedRun, context: Context): Promise<Section[]> {
  const { result, config } = run
  return [
    await trainingSection(run, context),
    ...(result ? [await resultsSection({ result, classes: config.classes }, context)] : []),
    ...(await mistakeSections(run, context)),
    ...(result ? await calibrationSection(result, context) : []),
  ]
}

export async function runReport(run: ReportedRun, context: Context): Promise<ReportDocument> {
  const { words } = context
  const { config } = run
  return {
    language: words.tag,
    title: words.run.title(config.network, basename(config.data)),
    subtitle: words.run.subtitle(dateText(config.started), config.environment.regraft),
    contents: words.contents,
    lead: overview(run, words),
    sections: [
      {
        id: 'done',
        title: words.done.title,
        blocks: [],
        sections: [networkSection(run, words), await dataSection(run, context), settingsSection(config.options, words)],
      },
      ...(await runSections(run, context)),
      costSection(run, words),
      reproduceSection(run, words),
    ],
    footer: words.footer(version),
  }
}
