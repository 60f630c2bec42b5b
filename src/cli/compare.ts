/** `regraft compare`: runs side by side, and their validation curves in one figure. */
import { basename, resolve } from 'node:path'
import { Command } from 'commander'
import { overlaidAccuracy, writeFigure } from '../report/index.js'
import { type RunSummary, readRun } from '../training/index.js'
import { runTable } from './runTable.js'
import { differentImages, inPairs } from './sameImages.js'
import { say, warn } from './terminal/say.js'

/** Names for the lines: the folders' own, or whole paths where two are called the same. */
function namesOf(runs: readonly RunSummary[]): string[] {
  const names = runs.map(({ run }) => basename(resolve(run)))
  return new Set(names).size === names.length ? names : runs.map(({ run }) => run)
}

export const compareCommand = new Command('compare')
  .description('compare runs: a table of what differs, tests in pairs, and their validation accuracy in one figure')
  .argument('<runs...>', 'run folders')
  .option('--out <FOLDER>', 'where comparison.svg and comparison.png go', '.')
  .action(async (folders: string[], { out }: { out: string }) => {
    const runs = await Promise.all(folders.map(readRun))
    const names = namesOf(runs)
    const curves = new Map(runs.map(({ history }, i) => [names[i] as string, history]))
    const figure = await writeFigure(out, 'comparison', overlaidAccuracy(curves))
    const pairs = await inPairs(runs)
    say(`${runTable(runs)}\n\n${pairs === undefined ? '' : `${pairs}\n\n`}Figure  ${figure}\n`)
    const different = differentImages(runs)
    if (different !== undefined) warn(`warning: ${different}\n`)
  })
