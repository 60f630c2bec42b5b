/** `regraft report`: the report of a run or a study, made anew from its folder. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Command, Option } from 'commander'
import { collectPictures, languages, pictureIndexFile, writeReport } from '../report/index.js'
import { resultFile } from '../training/index.js'

export const reportCommand = new Command('report')
  .description('write report.html and report.md from the folder of a run or a study')
  .argument('<folder>', 'folder of a run, or of a study')
  .addOption(new Option('--language <LANGUAGE>', 'language of the report').choices(languages).default('en'))
  .addHelpText(
    'after',
    '\nExamples:\n  regraft report runs/photos-resnet50\n  regraft report runs/photos-resnet50 --language zh',
  )
  .action(async (folder: string, options: { language: (typeof languages)[number] }) => {
    await completePictures(folder)
    const { html, markdown } = await writeReport(folder, options)
    process.stdout.write(`Report    ${html}, ${markdown}\n`)
  })

/** Pictures of a run that kept none: made now if its images are still there, else the report does without. */
async function completePictures(run: string): Promise<void> {
  if (!existsSync(resultFile(run)) || existsSync(pictureIndexFile(run)) || existsSync(join(run, 'study.json'))) return
  try {
    await collectPictures(run)
  } catch (error) {
    process.stderr.write(`warning: the report has no pictures: ${(error as Error).message}\n`)
  }
}
