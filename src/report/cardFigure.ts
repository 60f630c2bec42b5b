/** Puts a run's accuracy curve into the model folder, and into its card. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomic } from '../base/files.js'

const line = '![Accuracy after each epoch](accuracy.png)'

/** After `writeReport`, which draws the figure; nothing happens where there is no model or no figure. */
export async function addCardFigure(run: string): Promise<void> {
  const [card, figure] = [join(run, 'model', 'README.md'), join(run, 'figures', 'accuracy.png')]
  if (!existsSync(card) || !existsSync(figure)) return
  await writeFileAtomic(join(run, 'model', 'accuracy.png'), await readFile(figure))
  const text = await readFile(card, 'utf8')
  if (!text.includes(line))
    await writeFileAtomic(
      card,
      text.replace('\n## How to use it\n', () => `\n${line}\n\n## How to use it\n`),
    )
}
