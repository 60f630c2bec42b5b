/** What the page shows of runs and studies, from their records. */
import { basename } from 'node:path'
import { type StudyRecord, timeLeft } from '../../study/index.js'
import type { EpochRecord, RunSummary } from '../../training/index.js'
import type {
  ClassImages,
  EpochPoint,
  RunDetail,
  RunLine,
  RunningRun,
  RunState,
  StudyDetail,
  StudyLine,
} from './messages.js'

export const point = ({ train, validation, ...record }: EpochRecord): EpochPoint => ({
  ...record,
  trainLoss: train.loss,
  trainTop1: train.top1,
  ...(validation ? { valLoss: validation.loss, valTop1: validation.top1 } : {}),
})

const text = (value: unknown): string => (Array.isArray(value) ? value.join(', ') : String(value))

/** Options that say where things lie, or nothing about the outcome. */
const unseen = new Set(['run', 'threads', 'saveEvery', 'engine', 'memory'])

function settingsOf({ config }: RunSummary): Record<string, string> {
  const all = { ...config.options, ...config.resolved, network: config.network, engine: config.environment.engine }
  const shown = Object.entries(all).filter(([name, value]) => value !== undefined && !unseen.has(name))
  return Object.fromEntries(shown.map(([name, value]) => [name, text(value)]))
}

export function runLine(id: string, summary: RunSummary, state: RunState, study: string | undefined): RunLine {
  const { config, history, best, result } = summary
  const test = result?.test
  return {
    id,
    state,
    network: config.network,
    data: basename(config.data),
    classes: config.classes.length,
    started: config.started,
    epochs: history.length,
    ofEpochs: config.options.epochs,
    settings: settingsOf(summary),
    ...(best?.validation ? { best: best.validation.top1 } : {}),
    ...(test ? { test: test.top1, interval: test.interval } : {}),
    ...(study === undefined ? {} : { study }),
  }
}

export function runDetail(line: RunLine, { config, history, result }: RunSummary, stoppable: boolean): RunDetail {
  const { train, val, test } = config.split
  return {
    ...line,
    history: history.map(point),
    classNames: config.classes,
    counts: { train: train.length, val: val.length, test: test.length },
    engine: config.environment.engine,
    cpu: config.environment.cpu,
    stoppable,
    ...(result
      ? {
          result: {
            bestEpoch: result.bestEpoch,
            ...(result.validation ? { validation: result.validation } : {}),
            ...(result.test ? { test: result.test } : {}),
            perClass: result.perClass.map(({ class: name, images, top1 }) => ({
              class: name,
              images,
              ...(top1 === undefined ? {} : { top1 }),
            })),
            confusion: result.confusion,
            ...(result.calibration
              ? {
                  calibration: {
                    temperature: result.calibration.temperature,
                    before: result.calibration.before.ece,
                    after: result.calibration.after.ece,
                  },
                }
              : {}),
            seconds: result.seconds.total,
          },
        }
      : {}),
  }
}

/** Images of each class and part; a path's class is the folder before its file, or the one that the run knows it by. */
export function classImages({ config }: RunSummary): ClassImages[] {
  const counts = new Map(config.classes.map(name => [name, { train: 0, val: 0, test: 0 }]))
  for (const part of ['train', 'val', 'test'] as const)
    for (const path of config.split[part]) {
      const own = path
        .split('/')
        .slice(0, -1)
        .map(name => counts.get(name))
        .find(found => found !== undefined)
      if (own) own[part]++
    }
  return [...counts].map(([name, parts]) => ({ class: name, ...parts }))
}

export function studyLine(id: string, record: StudyRecord): StudyLine {
  const runs = record.cells.flatMap(cell => cell.runs)
  return {
    id,
    name: record.name,
    kind: record.kind,
    data: basename(record.data),
    cells: runs.length,
    done: runs.filter(({ state }) => state === 'done' || state === 'stopped').length,
    started: record.started,
  }
}

const mean = (values: readonly (number | undefined)[]): number | undefined => {
  const known = values.filter(value => value !== undefined)
  return known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0) / known.length
}

/** The id of a run of a study: studies that are served themselves have the id '.'. */
export const runId = (study: string, folder: string): string => (study === '.' ? folder : `${study}/${folder}`)

/** @param running what is known of the runs that the record calls running, in its order */
export function studyDetail(id: string, record: StudyRecord, running: readonly RunningRun[]): StudyDetail {
  const runs = record.cells.flatMap(cell => cell.runs)
  const waiting = runs.filter(({ state }) => state === 'waiting').length
  const failed = runs.filter(({ state }) => state === 'failed')
  const done = runs.filter(({ state }) => state === 'done')
  const since = running.map(({ seconds }) => seconds ?? 0)
  const left = timeLeft(waiting, since, mean(done.map(({ seconds }) => seconds)), running.length)
  const options = [...new Set(record.cells.flatMap(({ settings }) => Object.keys(settings)))]
  return {
    ...studyLine(id, record),
    waiting,
    running,
    failed: failed.map(({ folder, reason = '' }) => ({ id: runId(id, folder), reason })),
    ...(left === undefined || waiting + running.length === 0 ? {} : { left }),
    options,
    rows: record.cells.map(({ settings, runs }) => {
      const validation = mean(runs.map(run => run.validation?.top1))
      const test = mean(runs.map(run => run.test?.top1))
      const epochs = mean(runs.map(run => run.epochs))
      return {
        settings: Object.fromEntries(
          options.map(name => [name, text(settings[name] ?? record.base[name] ?? 'default')]),
        ),
        runs: runs.map(({ folder, state, reason }) => ({
          id: runId(id, folder),
          state,
          ...(reason === undefined ? {} : { reason }),
        })),
        ...(validation === undefined ? {} : { validation }),
        ...(test === undefined ? {} : { test }),
        ...(epochs === undefined ? {} : { epochs }),
      }
    }),
  }
}
