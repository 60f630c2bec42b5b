/** Sees to it that a report has pictures, where the images are still there. */
import { existsSync } from 'node:fs'
import { holdsStudy } from '../../study/index.js'
import { readResult, resultFile } from '../../training/index.js'
import { readStudy } from '../study/readStudy.js'
import { chosen } from '../study/scores.js'
import { pictureIndexFile } from './pictureIndex.js'
import { collectPictures, type Explaining } from './pictures.js'

/** The run whose pictures a report shows: of a study, that which it chooses. */
async function shownRun(folder: string): Promise<string | undefined> {
  if (!holdsStudy(folder)) return folder
  const { record, runs } = await readStudy(folder)
  const best = chosen(record)?.run
  return runs.find(run => run.record === best)?.folder
}

/**
 * Keeps the pictures of the run that the report of a folder shows in detail, unless that is done or the run has not finished.
 * @param folder of a run or a study
 * @param load makes the network ready that explains the worst mistakes, where it is still there
 * @throws RegraftError where the images are no longer there
 */
export async function completePictures(
  folder: string,
  load?: (run: string) => Promise<Explaining | undefined>,
): Promise<void> {
  const run = await shownRun(folder)
  if (run === undefined || !existsSync(resultFile(run)) || existsSync(pictureIndexFile(run))) return
  // What is damaged is said before a network is made ready for it.
  await readResult(run)
  const explainer = await load?.(run)
  try {
    await collectPictures(run, undefined, explainer)
  } finally {
    await explainer?.close()
  }
}
