/** All runs of a study: a table, the curves of each, and those that failed with their reasons. */
import { type Context, figure } from '../context.js'
import { type Block, paragraph, type Section } from '../document/document.js'
import { accuracyCurves, lossCurves, overlaidAccuracy, overlaidLoss } from '../figures/curves.js'
import { settingsStem } from '../runFigures.js'
import { cellText } from './bestSection.js'
import type { ReportedStudy, ReportedStudyRun } from './readStudy.js'
import { shareText } from './tableSection.js'

/** More curves than these are left to the run folders: a page with hundreds would not open. */
const mostCurves = 40
/** More lines cannot be told apart by colour. */
const mostLines = 8

export async function runsSection(study: ReportedStudy, context: Context): Promise<Section> {
  const { words } = context
  const { study: text } = words
  return {
    id: 'runs',
    title: text.allRuns,
    blocks: [
      ...(await overlays(study, context)),
      { kind: 'details', summary: text.runTable(study.runs.length), blocks: [runTable(study, context)] },
      ...machines(study, context),
      ...(await curves(study, context)),
    ],
  }
}

function runTable({ runs }: ReportedStudy, { words }: Context): Block {
  const { study: text, numbers } = words
  const numeric = [text.seedTitle, text.epochs, text.bestEpoch, text.validationAccuracy, text.testAccuracy]
  return {
    kind: 'table',
    columns: [
      { title: text.settings },
      { title: text.state },
      ...[...numeric, text.meanPerClass, text.time].map(title => ({ title, numeric: true })),
    ],
    rows: runs.map(({ cell, record }) => [
      cellText(cell, words),
      text.states[record.state],
      String(record.seed),
      String(record.epochs ?? '–'),
      String(record.bestEpoch ?? '–'),
      shareText(record.validation?.top1),
      shareText(record.test?.top1),
      shareText(record.test?.meanPerClass),
      record.seconds === undefined ? '–' : numbers.duration(record.seconds),
    ]),
  }
}

/** The machines of a queue, where the runs came from one. */
function machines({ runs }: ReportedStudy, { words }: Context): Block[] {
  const { study: text, cost } = words
  const known = new Map<string, { readonly cells: string[]; runs: number }>()
  for (const { record } of runs)
    for (const { host, cpu, engine, threads } of record.machines ?? []) {
      const cells = [host, cpu, engine, String(threads)]
      const one = known.get(cells.join('\0')) ?? { cells, runs: 0 }
      one.runs++
      known.set(cells.join('\0'), one)
    }
  if (known.size === 0) return []
  const table: Block = {
    kind: 'table',
    columns: [
      { title: text.host },
      { title: 'CPU' },
      { title: cost.engine },
      { title: text.threads, numeric: true },
      { title: text.runsThere, numeric: true },
    ],
    rows: [...known.values()].map(one => [...one.cells, String(one.runs)]),
  }
  return [{ kind: 'details', summary: text.machines, blocks: [paragraph(text.machinesText), table] }]
}

/** Runs with something to draw, the best on validation images first. */
const drawable = (runs: readonly ReportedStudyRun[]): ReportedStudyRun[] =>
  runs
    .filter(({ history }) => history.length > 0)
    .sort((a, b) => (b.record.validation?.top1 ?? 0) - (a.record.validation?.top1 ?? 0))

/** The first seed of the best cells, one over the other. */
async function overlays({ runs }: ReportedStudy, context: Context): Promise<Block[]> {
  const { study: text, figures } = context.words
  const ranked = drawable(runs).filter(({ history }) => history.some(({ validation }) => validation))
  const firsts = ranked.filter(({ cell }, i) => ranked.findIndex(other => other.cell === cell) === i)
  if (firsts.length < 2) return []
  const lines = new Map(firsts.slice(0, mostLines).map(({ cell, history }) => [cellText(cell, context.words), history]))
  const caption = text.overlayAllCaption(lines.size, firsts.length)
  return [
    await figure(context, 'acc_overlaid', overlaidAccuracy(lines, figures), { alt: text.overlayAlt, caption }),
    await figure(context, 'loss_overlaid', overlaidLoss(lines, figures), { alt: text.overlayLossAlt, caption }),
  ]
}

async function curves({ runs }: ReportedStudy, context: Context): Promise<Block[]> {
  const { study: text, results, figures } = context.words
  const drawn = drawable(runs).slice(0, mostCurves)
  if (drawn.length === 0) return []
  const names = uniqueNames(drawn)
  const blocks: Block[] = []
  for (const [i, { cell, record, history }] of drawn.entries()) {
    const best = record.bestEpoch
    const title = `${cellText(cell, context.words)}${text.comma}${text.seed(record.seed)}`
    blocks.push(
      { kind: 'paragraph', text: [{ strong: title }] },
      await figure(context, `acc_${names[i]}`, accuracyCurves(history, best, figures), { alt: results.accuracyAlt }),
      await figure(context, `loss_${names[i]}`, lossCurves(history, best, figures), { alt: results.lossAlt }),
    )
  }
  return [{ kind: 'details', summary: text.curves(drawn.length, drawable(runs).length), blocks }]
}

/** 'ep30_bs32_lrh1e-3_lrb1e-2', with the seed where there are several, and a number where other settings vary. */
function uniqueNames(runs: readonly ReportedStudyRun[]): string[] {
  const seeds = new Set(runs.map(({ record }) => record.seed))
  const used = new Map<string, number>()
  return runs.map(({ config, record }) => {
    const stem = config ? settingsStem(config.options) : 'run'
    const name = seeds.size > 1 ? `${stem}_seed${record.seed}` : stem
    const count = (used.get(name) ?? 0) + 1
    used.set(name, count)
    return count === 1 ? name : `${name}_${count}`
  })
}

/** Runs that failed, with their reasons; none where none failed. */
export function failedSections({ runs }: ReportedStudy, { words }: Context): Section[] {
  const { study: text } = words
  const failed = runs.filter(({ record }) => record.state === 'failed')
  if (failed.length === 0) return []
  return [
    {
      id: 'failed',
      title: text.failed,
      blocks: [
        paragraph(text.failedText),
        {
          kind: 'table',
          columns: [{ title: text.settings }, { title: text.seedTitle, numeric: true }, { title: text.reason }],
          rows: failed.map(({ cell, record }) => [
            cellText(cell, words),
            String(record.seed),
            record.reason ?? text.noReason,
          ]),
        },
      ],
    },
  ]
}
