/** Shows a study in the terminal: a table of its runs that is redrawn while it works, and its results. */

import { kebab } from '../base/names.js'
import { plural } from '../base/plural.js'
import { studyConclusions } from '../report/index.js'
import type { StudyCell, StudyRecord, StudyRun } from '../study/index.js'
import { chosenCell, luckiest, meanOf } from '../study/index.js'
import type { Listener, TrainingEvent } from '../training/index.js'
import { duration, percent } from './terminal/format.js'
import { liveBlock } from './terminal/live.js'
import { say } from './terminal/say.js'
import { table } from './terminal/table.js'

const print = (line: string) => say(`${line}\n`)

/** 'lr-backbone 0.01, epochs 10', or 'baseline'. */
export const cellTitle = ({ settings }: StudyCell): string =>
  Object.entries(settings)
    .map(([name, value]) => `${kebab(name)} ${[value].flat().join(',')}`)
    .join(', ') || 'baseline'

const state = ({ state, epochs }: StudyRun): string => (state === 'stopped' ? `stopped after ${epochs}` : state)

/** Whether test images have twins in other parts, so that accuracy is shown without them, too. */
const withTwins = ({ cells }: StudyRecord): boolean => cells.some(({ runs }) => runs.some(({ twins }) => twins))

/** One line a run. */
function runLines(record: StudyRecord, width?: number): string {
  const { cells } = record
  const twins = withTwins(record)
  const rows = cells.flatMap(cell =>
    cell.runs.map(run => [
      cellTitle(cell),
      String(run.seed),
      state(run),
      run.bestEpoch ? String(run.bestEpoch) : '',
      run.validation ? percent(run.validation.top1) : '',
      run.test ? percent(run.test.top1) : '',
      ...(twins ? [run.twins?.without ? percent(run.twins.without.top1) : ''] : []),
      run.seconds === undefined ? '' : duration(run.seconds),
    ]),
  )
  const tested = twins ? ['test top-1', 'without twins'] : ['test top-1']
  return table(['settings', 'seed', 'state', 'best epoch', 'val top-1', ...tested, 'time'], rows, {
    spare: ['best epoch', 'time', 'seed', 'val top-1'],
    ...(width === undefined ? {} : { width }),
  })
}

/** What the run in progress does, in one line. */
function statusOf(event: TrainingEvent): string | undefined {
  if (event.type !== 'progress') return undefined
  const share = event.total ? ` ${percent(event.done / event.total)}` : ''
  return `${event.task}${event.epoch === undefined ? '' : `, epoch ${event.epoch}`}${share}`
}

/** Listeners for a study, and a way to end the live table. */
export function showStudy(record: StudyRecord) {
  const live = liveBlock()
  let current = record
  let status = ''
  const draw = () => live.show(() => [...runLines(current, (process.stderr.columns || 80) - 1).split('\n'), status])
  const onChange = (next: StudyRecord) => {
    if (!process.stderr.isTTY)
      next.cells.forEach((cell, c) => {
        cell.runs.forEach((run, r) => {
          const before = current.cells[c]?.runs[r]
          if (before && run !== before && run.state !== before.state)
            print(
              `${cellTitle(cell)}, seed ${run.seed}: ${state(run)}${run.reason ? `: ${run.reason}` : ''}${
                run.validation ? `, validation ${percent(run.validation.top1)}` : ''
              }${run.test ? `, test ${percent(run.test.top1)}` : ''}${run.seconds === undefined ? '' : `, ${duration(run.seconds)}`}`,
            )
        })
      })
    current = next
    draw()
  }
  const told = new Set<string>()
  const onEvent: Listener = event => {
    // What holds for the images, or was taken from a file of weights, is told by every run, and heard once
    if ((event.type === 'warning' || event.type === 'note') && !told.has(event.message)) {
      told.add(event.message)
      live.above(`${event.type === 'warning' ? 'warning: ' : ''}${event.message}\n`)
    }
    status = statusOf(event) ?? status
    draw()
  }
  /** What a person should know, in a line that stays. */
  const tell = (line: string) => live.above(`${line}\n`)
  return { onChange, onEvent, tell, close: live.done }
}

/** Test accuracy of a cell, as a mean over seeds. */
function accuracy(cell: StudyCell | undefined, value: (run: StudyRun) => number | undefined): string {
  const spread = cell && meanOf(cell, value)
  if (!spread) return ''
  return spread.count > 1 ? `${percent(spread.mean)} ± ${(100 * spread.deviation).toFixed(1)}` : percent(spread.mean)
}

/** What test images with twins in other parts do to a cell's accuracy. */
function twinLines(cell: StudyCell): string[] {
  const twins = cell.runs.find(run => run.state === 'done' && run.twins)?.twins
  if (!twins) return []
  const [verb, them] = twins.test === 1 ? ['shows', 'it'] : ['show', 'them']
  const without = accuracy(cell, run => run.twins?.without?.top1)
  return [
    `${plural(twins.test, 'test image')} ${verb} the same picture as images in training or validation; without ${them} ${without === '' ? 'no test image is left' : `its test accuracy is ${without}`} (--resplit divides all images anew)`,
  ]
}

/** The tables of the study, its best configuration, and what failed. */
export async function showStudyResults(record: StudyRecord, folder: string): Promise<void> {
  const conclusions = await studyConclusions(folder)
  const { cells, tables } = record
  const twins = withTwins(record)
  if (tables.length === 0) print(`\n${runLines(record)}`)
  for (const { option, rows } of tables) {
    const withReference = rows.some(({ reference }) => reference !== undefined)
    print(`\n${kebab(option)}`)
    print(
      table(
        [
          'value',
          'val top-1',
          'test top-1',
          ...(twins ? ['without twins'] : []),
          'test per class',
          ...(withReference ? ['reference'] : []),
        ],
        rows.map(({ value, cell, reference }) => [
          String(value),
          accuracy(cells[cell], run => run.validation?.top1),
          accuracy(cells[cell], run => run.test?.top1),
          ...(twins ? [accuracy(cells[cell], run => run.twins?.without?.top1)] : []),
          accuracy(cells[cell], run => run.test?.meanPerClass),
          ...(withReference ? [reference === undefined ? '' : percent(reference)] : []),
        ]),
        { spare: ['test per class', 'reference'] },
      ),
    )
    print(conclusions.tables.get(option) ?? '')
  }
  if (conclusions.paired) print('\nRows are compared in pairs on the same test images: McNemar, corrected by Holm.')
  if (tables.length === 0) for (const line of conclusions.ranking) print(`\n${line}`)
  const chosen = chosenCell(record)
  if (chosen) {
    const cell = cells[chosen.cell] as StudyCell
    print(
      `\nBest by validation accuracy: ${cellTitle(cell)}; its test accuracy is ${accuracy(cell, run => run.test?.top1)}`,
    )
    for (const line of twinLines(cell)) print(line)
    const highest = luckiest(record)?.top1 ?? 0
    print(`Highest test accuracy of any run: ${percent(highest)} (chosen on the test images, so it flatters)`)
  }
  for (const cell of cells)
    for (const { seed, state, reason } of cell.runs)
      if (state === 'failed') print(`failed: ${cellTitle(cell)}, seed ${seed}: ${reason}`)
  print(`\nStudy     ${folder}`)
}
