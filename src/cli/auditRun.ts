/** `regraft audit --run`: which labels of a run's images are likely wrong. */
import { writeLabelAudit } from '../report/index.js'
import { auditLabels, type LabelAudit } from '../training/index.js'
import { interruptSignal } from './interrupt.js'
import { percent, thousands } from './terminal/format.js'
import { type ProgressBar, progress } from './terminal/progress.js'
import { say } from './terminal/say.js'
import { table } from './terminal/table.js'

/** Doubts that are shown; the page and the table have more. */
const NAMED = 15

const labels = { features: 'Computing features', heads: 'Training five heads' }

/** Audits, writes page and table into the run's folder, and prints a summary or everything as JSON. */
export async function auditRun(run: string, json: boolean): Promise<void> {
  let shown: { task: string; bar: ProgressBar } | undefined
  const found = await auditLabels(run, {
    signal: interruptSignal(),
    onProgress: (task, done, total) => {
      if (shown?.task !== task) {
        shown?.bar.done()
        shown = { task, bar: progress({ label: labels[task], unit: 'image' }) }
      }
      shown.bar.update(done, total)
    },
  }).finally(() => shown?.bar.done())
  const files = await writeLabelAudit(run, found)
  const { images, missing, agreeing, doubts } = found
  const text = json
    ? JSON.stringify({ images, missing, agreeing, doubts, ...files })
    : labelSummary(found, files).join('\n')
  say(`${text}\n`)
}

/** What was found, in lines for a terminal. */
export function labelSummary(
  { images, missing, agreeing, doubts }: LabelAudit,
  files: { readonly page: string; readonly table: string },
): string[] {
  const wrong = doubts.filter(({ confident }) => confident).length
  const rows = doubts
    .slice(0, NAMED)
    .map(({ path, label, suggested, labelProbability, suggestedProbability, confident }) => [
      path,
      `${label} ${percent(labelProbability)}`,
      `${suggested} ${percent(suggestedProbability)}`,
      confident ? 'likely wrong' : 'uncertain',
    ])
  return [
    `${thousands(images)} images; heads that had not seen them agree with the labels of ${thousands(agreeing)}`,
    `${thousands(wrong)} labels are likely wrong, ${thousands(doubts.length - wrong)} are uncertain`,
    ...(missing > 0 ? [`${thousands(missing)} images of the run are no longer there, and were not looked at`] : []),
    ...(rows.length > 0 ? ['', table(['image', 'label', 'looks like', 'doubt'], rows)] : []),
    ...(doubts.length > rows.length ? [`and ${thousands(doubts.length - rows.length)} more`] : []),
    '',
    `With pictures: ${files.page}\nAs a table: ${files.table}`,
  ]
}
