/** Reads a study folder for its report: what it recorded, and how its runs went. */
import { existsSync } from 'node:fs'
import { isAbsolute, join, relative, resolve } from 'node:path'
import { RegraftError } from '../../base/errors.js'
import {
  type Outcomes,
  readOutcomes,
  readStudyRecord,
  type StudyCell,
  type StudyRecord,
  type StudyRun,
} from '../../study/index.js'
import { type EpochRecord, type RunConfig, readConfig, readHistory } from '../../training/index.js'

/** One run of a study; configuration and epochs where it has begun. */
export interface ReportedStudyRun {
  readonly cell: StudyCell
  readonly record: StudyRun
  /** Its folder. */
  readonly folder: string
  readonly config?: RunConfig | undefined
  readonly history: readonly EpochRecord[]
}

export interface ReportedStudy {
  readonly folder: string
  readonly record: StudyRecord
  /** Of all cells, in their order. */
  readonly runs: readonly ReportedStudyRun[]
  /** Which test images each finished run is right about. */
  readonly outcomes: Outcomes
}

/** @throws RegraftError('run') where study.json is damaged or names folders outside the study's */
export async function readStudy(folder: string): Promise<ReportedStudy> {
  const record = await readStudyRecord(folder)
  const lost = record.tables.flatMap(({ rows }) => rows).find(({ cell }) => record.cells[cell] === undefined)
  if (lost) throw damaged(folder, `a table refers to cell ${lost.cell}, which is not there`)
  const all = record.cells.flatMap(cell => cell.runs.map(run => ({ cell, record: run })))
  const runs = await Promise.all(
    all.map(async entry => {
      const run = folderBelow(folder, entry.record.folder)
      const begun = existsSync(join(run, 'config.json'))
      return {
        ...entry,
        folder: run,
        config: begun ? await readConfig(run) : undefined,
        history: await readHistory(run),
      }
    }),
  )
  return { folder: resolve(folder), record, runs, outcomes: await readOutcomes(folder, record) }
}

const damaged = (folder: string, what: string) => new RegraftError('run', `the study in ${folder} is damaged: ${what}`)

function folderBelow(study: string, run: string): string {
  const folder = resolve(study, run)
  const below = relative(resolve(study), folder)
  if (below === '' || below.startsWith('..') || isAbsolute(below))
    throw damaged(study, `the run folder ${run} is not below the study's`)
  return folder
}
