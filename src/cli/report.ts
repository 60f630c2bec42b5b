/** `regraft report`: the report of a run or a study, made anew from its folder. */
import { Command, Option } from 'commander'
import { languages, writeReport } from '../report/index.js'

export const reportCommand = new Command('report')
  .description('write report.html and report.md from the folder of a run or a study')
  .argument('<folder>', 'folder of a run or a study')
  .addOption(new Option('--language <LANGUAGE>', 'language of the report').choices(languages).default('en'))
  .addHelpText(
    'after',
    '\nExamples:\n  regraft report runs/photos-resnet50\n  regraft report runs/photos-resnet50 --language zh',
  )
  .action(async (folder: string, options: { language: (typeof languages)[number] }) => {
    const { html, markdown } = await writeReport(folder, options)
    process.stdout.write(`Report    ${html}, ${markdown}\n`)
  })
