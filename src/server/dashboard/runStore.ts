/** The runs and studies of a folder; what was read is kept until its files change. */
import { existsSync, readlinkSync, realpathSync } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { glob } from 'tinyglobby'
import { RegraftError } from '../../base/errors.js'
import { readText } from '../../base/readText.js'
import { readPredictions, type TestPrediction } from '../../report/index.js'
import { readStudyRecord, type StudyRecord } from '../../study/index.js'
import { bestOf, type RunSummary, readConfig, readHistory, readResult } from '../../training/index.js'
import type { RunState } from './messages.js'

export interface RunStore {
  readonly folder: string
  /** Ids of runs and studies: paths below the folder with '/'; what is damaged is said in words. */
  list(): Promise<{ runs: [string, RunSummary][]; studies: [string, StudyRecord][]; damaged: string[] }>
  /** @returns undefined where there is no such run: only what is listed can be named */
  run(id: string): Promise<RunSummary | undefined>
  study(id: string): Promise<StudyRecord | undefined>
  /** Looks again at what is in the folder, before that is due. */
  renew(): void
  /** Of a run's test images. */
  predictions(run: string): Promise<readonly TestPrediction[]>
}

/** A lock that has not been touched for so long is held by nobody: see base/lock.ts. */
const STALE = 30_000
/** How long a listing of the folder is good. */
const FRESH = 1000

export async function createRunStore(given: string): Promise<RunStore> {
  const folder = await realpath(resolve(given)).catch(() => {
    throw new RegraftError('run', `there is no folder ${given}; name the folder that holds your runs`)
  })
  const kept = new Map<string, { stamp: string; value: unknown }>()
  let listing: { at: number; ids: Promise<{ runs: string[]; studies: string[] }> } | undefined

  const ids = () => {
    if (!listing || performance.now() - listing.at > FRESH) listing = { at: performance.now(), ids: find(folder) }
    return listing.ids
  }
  const cached = async <T>(path: string, files: readonly string[], read: (path: string) => Promise<T>): Promise<T> => {
    const key = join(path, files[0]!)
    const stamp = (await Promise.all(files.map(name => stampOf(join(path, name))))).join()
    const found = kept.get(key)
    if (found?.stamp === stamp) return found.value as T
    const value = await read(path)
    kept.set(key, { stamp, value })
    return value
  }
  /** Each file is read again only where it has changed: a config with its split is long, and an epoch is short. */
  const runAt = async (id: string): Promise<RunSummary> => {
    const run = join(folder, id)
    const config = await cached(run, ['config.json'], readConfig)
    const history = await cached(run, ['metrics.jsonl'], readHistory)
    const result = await cached(run, ['result.json'], readResult)
    return { run, config, history, best: bestOf(history), result }
  }
  const studyAt = (id: string) => cached(join(folder, id), ['study.json'], readStudyRecord)

  return {
    folder,
    list: async () => {
      const found = await ids()
      const damaged: string[] = []
      const all = async <T>(names: readonly string[], read: (id: string) => Promise<T>) => {
        const values: [string, T][] = []
        for (const id of names)
          try {
            values.push([id, await read(id)])
          } catch (error) {
            // Whatever is wrong with one folder, the others are shown
            const why = error instanceof Error ? error.message : String(error)
            damaged.push(error instanceof RegraftError ? why : `${join(folder, id)} cannot be read (${why})`)
          }
        return values
      }
      const [runs, studies] = [await all(found.runs, runAt), await all(found.studies, studyAt)]
      return { runs, studies, damaged }
    },
    // Those that were listed are known without a look at the whole folder
    run: async id =>
      (await listing?.ids)?.runs.includes(id) || (await ids()).runs.includes(id) ? runAt(id) : undefined,
    renew: () => {
      listing = undefined
    },
    predictions: run => cached(run, ['predictions.csv'], readPredictions),
    study: async id => ((await ids()).studies.includes(id) ? studyAt(id) : undefined),
  }
}

/** Ids of what lies up to three levels below; links are not followed. */
async function find(folder: string): Promise<{ runs: string[]; studies: string[] }> {
  const options = { cwd: folder, deep: 4, followSymbolicLinks: false, dot: false }
  const paths = await glob(['**/config.json', '**/study.json'], options)
  const below = (name: string) =>
    paths
      .filter(path => basename(path) === name)
      .map(path => path.slice(0, -name.length - 1) || '.')
      .sort()
  return { runs: below('config.json'), studies: below('study.json') }
}

const stampOf = async (path: string): Promise<string> => {
  const found = await stat(path).catch(() => undefined)
  return found ? `${found.mtimeMs}:${found.size}` : ''
}

/** What a run is doing, and the process of this machine that trains it. */
export async function stateOf({ run, result }: RunSummary): Promise<{ state: RunState; process?: number }> {
  const lock = join(run, 'running.lock')
  const held = await stat(lock).catch(() => undefined)
  if (held && Date.now() - held.mtimeMs < STALE) {
    const [pid, host] = ((await readText(lock, 4096).catch(() => undefined)) ?? '').trim().split(' ')
    if (host !== hostname()) return { state: 'running' }
    const process = Number(pid)
    if (Number.isSafeInteger(process) && process > 1 && isTraining(process)) return { state: 'running', process }
  }
  return { state: result ? 'done' : 'stopped' }
}

/**
 * Whether a process is there; on Linux also whether it is this user's Node: numbers of processes are used again, and a
 * folder from elsewhere may name any.
 */
function isTraining(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  if (process.platform !== 'linux') return true
  try {
    return basename(readlinkSync(`/proc/${pid}/exe`)) === basename(realpathSync(process.execPath))
  } catch {
    return false
  }
}

/** The study whose folder a run lies in. */
export const studyOf = (id: string, studies: readonly string[]): string | undefined =>
  studies.find(study => study === '.' || id.startsWith(`${study}/`))

/**
 * A run's data as it is reached from here: a relative path is that of whoever trained, which is this process's folder, or
 * the one that holds the folder of runs.
 */
export const reached = (runs: string, data: string): string =>
  isAbsolute(data) || existsSync(data) ? data : resolve(dirname(runs), data)

/** The path of one of a run's images, wherever its data folder is now. */
export const imagePath = (data: string, path: string): string | undefined => {
  const whole = resolve(data, path)
  const inside = relative(resolve(data), whole)
  return inside === '' || inside.startsWith(`..${sep}`) || inside === '..' || resolve(inside) === inside
    ? undefined
    : whole
}
