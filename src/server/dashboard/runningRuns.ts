/** Where the runs of a study train that are at it now, and how far they are, from their folders. */
import { join } from 'node:path'
import { latestSitting, type StudyRecord } from '../../study/index.js'
import { runId } from './lines.js'
import type { RunningRun } from './messages.js'
import type { RunStore } from './runStore.js'

/** How many are looked at. */
const MOST = 200

export async function runningRuns(store: RunStore, study: string, record: StudyRecord): Promise<RunningRun[]> {
  const running = record.cells.flatMap(cell => cell.runs.filter(({ state }) => state === 'running')).slice(0, MOST)
  return Promise.all(
    running.map(async ({ folder }) => {
      const id = runId(study, folder)
      // A record may name any folder: only one that was found below the served one is looked into
      const run = await store.run(id).catch(() => undefined)
      if (!run) return { id }
      const sitting = await latestSitting(join(store.folder, id))
      const began = Date.parse(sitting?.at ?? run.config.started)
      const ofEpochs = run.config.options.epochs
      return {
        id,
        ...(sitting ? { host: sitting.host, cpu: sitting.cpu } : {}),
        epoch: Math.min(ofEpochs, run.history.length + 1),
        ofEpochs,
        ...(Number.isNaN(began) ? {} : { seconds: Math.max(0, (Date.now() - began) / 1000) }),
      }
    }),
  )
}
