/** Reads a study folder for its report: what it recorded, and how its runs went. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { isAbsolute, join, relative, resolve } from 'node:path'
import { RegraftError } from '../../base/errors.js'
import { type StudyCell, type StudyRecord, type StudyRun, studyRecord } from '../../study/record.js'
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
}

export const studyFile = (folder: string): string => join(folder, 'study.json')

/** @throws RegraftError('run') where study.json is damaged or names folders outside the study's */
export async function readStudy(folder: string): Promise<ReportedStudy> {
  const path = studyFile(folder)
  const record = parseRecord(path, await readFile(path, 'utf8'))
  const all = record.cells.flatMap(cell => cell.runs.map(run => ({ cell, record: run })))
  const runs = await Promise.all(
    all.map(async entry => {
      const run = folderBelow(folder, entry.record.folder, path)
      const begun = existsSync(join(run, 'config.json'))
      return {
        ...entry,
        folder: run,
        config: begun ? await readConfig(run) : undefined,
        history: await readHistory(run),
      }
    }),
  )
  return { folder: resolve(folder), record, runs }
}

function parseRecord(path: string, text: string): StudyRecord {
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch {
    throw new RegraftError('run', `${path} is damaged: it is no JSON`)
  }
  const parsed = studyRecord.safeParse(content)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new RegraftError('run', `${path} is damaged: ${issue?.path.join('.')}: ${issue?.message}`)
  }
  const { cells, tables } = parsed.data
  const lost = tables.flatMap(({ rows }) => rows).find(({ cell }) => cells[cell] === undefined)
  if (lost) throw new RegraftError('run', `${path} is damaged: a table refers to cell ${lost.cell}, which is not there`)
  return parsed.data
}

function folderBelow(study: string, run: string, path: string): string {
  const folder = resolve(study, run)
  const below = relative(resolve(study), folder)
  if (below === '' || below.startsWith('..') || isAbsolute(below))
    throw new RegraftError('run', `${path} is damaged: the run folder ${run} is not below the study's`)
  return folder
}
