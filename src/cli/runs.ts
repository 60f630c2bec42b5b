/** `regraft runs`: the runs of a folder as a table. */
import { Command } from 'commander'
import { kebab } from '../base/names.js'
import { differingSettings, findRuns, type RunSummary } from '../training/index.js'
import { percent } from './terminal/format.js'
import { say, warn } from './terminal/say.js'
import { table } from './terminal/table.js'

/** How far a run is. */
const state = ({ config, history, result }: RunSummary): string =>
  result ? 'finished' : `epoch ${history.length} of ${config.options.epochs}`

/** A table of runs: the settings in which they differ, and what they reached. */
export function runTable(runs: readonly RunSummary[]): string {
  const settings = [...differingSettings(runs)]
  const rows = runs.map((one, i) => {
    const { best, result } = one
    return [
      one.run,
      ...settings.map(([, values]) => values[i] as string),
      state(one),
      best ? String(best.epoch) : '',
      best?.validation ? percent(best.validation.top1) : '',
      result?.test ? percent(result.test.top1) : '',
      result?.test ? percent(result.test.meanPerClass) : '',
    ]
  })
  const names = settings.map(([name]) => kebab(name))
  return table(['run', ...names, 'state', 'best epoch', 'val top-1', 'test top-1', 'test per class'], rows)
}

export const runsCommand = new Command('runs')
  .description('list runs: the settings in which they differ, best validation and test accuracy')
  .argument('[folder]', 'folder of runs', 'runs')
  .option('--json', 'one JSON object a line; accuracies are fractions')
  .action(async (folder: string, { json }: { json?: boolean }) => {
    const { runs, damaged } = await findRuns(folder)
    for (const { message } of damaged) warn(`warning: left out: ${message}\n`)
    const lines = json
      ? runs.map(({ run, config, history, best, result }) =>
          JSON.stringify({ run, options: config.options, epochs: history.length, best, result }),
        )
      : [runs.length > 0 ? runTable(runs) : `${folder} holds no runs yet; start one with: regraft train FOLDER`]
    say(lines.map(line => `${line}\n`).join(''))
  })
