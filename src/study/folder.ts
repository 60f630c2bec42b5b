/** The study folder: study.json, what runs share, and one run folder for each cell and seed. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { RegraftError } from '../base/errors.js'
import { writeJson } from '../base/files.js'
import { checkedJson } from '../base/json.js'
import { readText } from '../base/readText.js'
import { type StudyRecord, studyRecord } from './record.js'

const studyFile = (folder: string) => join(folder, 'study.json')

export const holdsStudy = (folder: string): boolean => existsSync(studyFile(folder))

/** Where features of frozen trunks are kept for the runs that follow. */
export const featuresOf = (folder: string): string => join(folder, 'features')

export const writeStudy = (folder: string, record: StudyRecord): Promise<void> => writeJson(studyFile(folder), record)

/** @throws RegraftError('run') where the folder holds no study, or study.json is damaged */
export async function readStudyRecord(folder: string): Promise<StudyRecord> {
  const text = await readText(studyFile(folder))
  if (text === undefined)
    throw new RegraftError(
      'run',
      `${folder} holds no study (there is no study.json); name a folder that 'regraft study' made`,
    )
  return checkedJson(studyFile(folder), text, studyRecord)
}
