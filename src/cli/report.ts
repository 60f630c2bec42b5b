/** `regraft report`: the report of a run or a study, made anew from its folder. */
import { Command, Option } from 'commander'
import { RegraftError } from '../base/errors.js'
import { loadExplainer } from '../inference/index.js'
import { completePictures, type Language, languages, writeReport } from '../report/index.js'
import { say, warn } from './terminal/say.js'

export const reportCommand = new Command('report')
  .description('write report.html and report.md from the folder of a run or a study')
  .argument('<folder>', 'folder of a run, or of a study')
  .addOption(new Option('--language <LANGUAGE>', 'language of the report').choices(languages).default('en'))
  .addHelpText(
    'after',
    '\nExamples:\n  regraft report runs/photos-resnet50\n  regraft report runs/photos-resnet50 --language zh',
  )
  .action((folder: string, { language }: { language: Language }) => report(folder, language))

/** The network of a run; one that is no longer there is missed by the pictures alone. */
const explainerOf = (run: string) =>
  loadExplainer(run).catch(error => {
    if (!(error instanceof RegraftError && error.code === 'run')) throw error
    warn(`warning: the report explains no mistakes: ${error.message}\n`)
    return undefined
  })

/** Writes the report and says where; a report without pictures is better than none. */
export async function report(folder: string, language: Language = 'en'): Promise<void> {
  try {
    await completePictures(folder, explainerOf)
  } catch (error) {
    if (!(error instanceof RegraftError && error.code === 'data')) throw error
    warn(`warning: the report has no pictures: ${error.message}\n`)
  }
  const { html, markdown } = await writeReport(folder, { language })
  say(`Report    ${html}, ${markdown}\n`)
}
