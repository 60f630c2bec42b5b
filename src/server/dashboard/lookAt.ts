/** What an audit of a run's images finds, looked for once it is asked for: every image is decoded and compared, which takes its time. */
import {
  type Audit,
  audit,
  type Dataset,
  type Oddity,
  openDataset,
  type Split,
  splitFromPaths,
} from '../../data/index.js'
import { oddityWords } from '../../report/index.js'
import type { RunSummary } from '../../training/index.js'
import { Refusal } from '../refusal.js'
import type { AuditState, Findings } from './messages.js'
import { reached } from './runStore.js'

export interface Audits {
  /** How far a run's audit is; it is not begun by asking. */
  state(id: string, run: RunSummary): AuditState
  /** Begins one, unless it is there or under way. @throws Refusal where another run's is under way, or images are missing */
  begin(id: string, run: RunSummary): Promise<AuditState>
  close(): Promise<void>
}

/** Of each list, what a page shows; `regraft audit` has them all. */
const SHOWN = 60

/** @param runs the folder of runs */
export function createAudits(runs: string): Audits {
  const states = new Map<string, AuditState>()
  let running: { readonly stop: AbortController; readonly done: Promise<void> } | undefined
  // A run of the same name that began anew has other images
  const keyOf = (id: string, { config }: RunSummary) => `${id} ${config.started}`
  const state = (id: string, run: RunSummary): AuditState => states.get(keyOf(id, run)) ?? { state: 'none' }
  return {
    state,
    begin: async (id, summary) => {
      const { config } = summary
      const before = state(id, summary)
      if (before.state === 'done' || before.state === 'looking') return before
      if (running) throw new Refusal(503, 'the images of another run are being looked at; try again in a minute', 60)
      const key = keyOf(id, summary)
      const stop = new AbortController()
      const look = async () => {
        const data = await openDataset(reached(runs, config.data), config.options)
        const parts = splitFromPaths(data, config.split)
        const found = await audit(data, {
          split: () => parts,
          signal: stop.signal,
          onProgress: (task, done, total) => states.set(key, { state: 'looking', task, done, total }),
        })
        states.set(key, { state: 'done', findings: findingsOf(data, parts, found) })
      }
      states.set(key, { state: 'looking', task: 'images', done: 0, total: 0 })
      const done = look()
        .catch(error => {
          states.set(key, { state: 'failed', reason: error instanceof Error ? error.message : String(error) })
        })
        .finally(() => {
          running = undefined
        })
      running = { stop, done }
      return state(id, summary)
    },
    close: async () => {
      running?.stop.abort()
      await running?.done
    },
  }
}

function findingsOf(data: Dataset, split: Split, found: Audit): Findings {
  const placeOf = new Map(
    (['train', 'val', 'test'] as const).flatMap(part =>
      split[part].map((index, position) => [index, { part, position }] as const),
    ),
  )
  const image = (index: number) => {
    const { path, label } = data.samples[index]!
    return { path, class: data.classes[label]!, ...placeOf.get(index) }
  }
  // Pictures that lie in several parts flatter the accuracy: they come first
  const parts = (group: readonly number[]) => new Set(group.map(index => placeOf.get(index)?.part)).size
  const groups = [...found.duplicates.groups].sort((a, b) => parts(b) - parts(a) || b.length - a.length)
  const kinds = (Object.keys(oddityWords) as Oddity[]).filter(kind => found.odd[kind].length > 0)
  return {
    images: found.images,
    ignored: found.ignored,
    warnings: data.warnings ?? [],
    bad: found.bad.slice(0, SHOWN).map(({ path, reason }) => ({ path, reason })),
    badInAll: found.bad.length,
    odd: kinds.map(kind => ({
      name: oddityWords[kind][0],
      handling: oddityWords[kind][1],
      images: found.odd[kind].length,
    })),
    across: found.across,
    groupsInAll: groups.length,
    groups: groups.slice(0, SHOWN).map(group => group.slice(0, 8).map(image)),
    sharing: found.sharing.slice(0, SHOWN).map(({ classes, pairs }) => ({ classes, pairs })),
  }
}
