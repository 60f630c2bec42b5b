/** `regraft runs`: the runs of a folder as a table. */
import { Command } from 'commander'
import { findRuns } from '../training/index.js'
import { runTable } from './runTable.js'
import { say, sayJson, warn } from './terminal/say.js'

export const runsCommand = new Command('runs')
  .description('list runs: date, the settings in which they differ, validation and test accuracy with its interval')
  .argument('[folder]', 'folder of runs', 'runs')
  .option('--sort <COLUMN>', "by a column's name, such as test or lr-head; accuracies with the best first")
  .option('--json', 'one JSON object a line; accuracies are fractions')
  .action(async (folder: string, { sort, json }: { sort?: string; json?: boolean }) => {
    const { runs, damaged } = await findRuns(folder)
    for (const { message } of damaged) warn(`warning: left out: ${message}\n`)
    if (json)
      for (const { run, config, history, best, result } of runs)
        sayJson({ run, started: config.started, options: config.options, epochs: history.length, best, result })
    else if (runs.length > 0) say(`${runTable(runs, sort)}\n`)
    else say(`${folder} holds no runs yet; start one with: regraft train FOLDER\n`)
  })
