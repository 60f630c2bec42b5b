/** What a finished run's figures are for besides its report: files named by the run's settings, and images in TensorBoard. */
import { existsSync } from 'node:fs'
import { link, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomic } from '../base/files.js'
import { type ResolvedOptions, readConfig, readHistory } from '../training/index.js'
import { addCardFigure } from './cardFigure.js'
import { rateText } from './figures/lrFinder.js'
import { appendImage } from './tensorboard.js'

/** What tells the figures of different runs apart in one folder: 'ep30_bs32_lrh1e-3_lrb1e-2'. */
export const settingsStem = ({ epochs, batchSize, lrHead, lrBackbone }: ResolvedOptions): string =>
  `ep${epochs}_bs${batchSize}_lrh${rateText(lrHead)}_lrb${rateText(lrBackbone)}`

/**
 * Gives the curves that the report (`writeReport`, in English) left in the run's `figures` folder second names that tell
 * the settings, as figures of several runs in one folder need them: `acc_ep30_bs32_lrh1e-3_lrb1e-2`, and appends all figures to the run's TensorBoard file.
 * The accuracy goes into the model's card, too.
 * @returns the paths of the PNG files
 */
export async function shareRunFigures(run: string): Promise<string[]> {
  const [config, history] = await Promise.all([readConfig(run), readHistory(run)])
  const folder = join(run, 'figures')
  const stem = settingsStem(config.options)
  for (const [name, prefix] of Object.entries({ accuracy: 'acc', loss: 'loss' }))
    for (const kind of ['svg', 'png'])
      await sameFile(join(folder, `${name}.${kind}`), join(folder, `${prefix}_${stem}.${kind}`))
  const paths: string[] = []
  for (const name of ['accuracy', 'loss', 'confusion', 'reliability']) {
    const path = join(folder, `${name}.png`)
    if (!existsSync(path)) continue
    await appendImage(run, name, history.length, await readFile(path))
    paths.push(path)
  }
  await addCardFigure(run)
  return paths
}

/** A second name of a file; a copy where the file system has no such thing. */
async function sameFile(path: string, name: string): Promise<void> {
  await rm(name, { force: true })
  await link(path, name).catch(async () => writeFileAtomic(name, await readFile(path)))
}
