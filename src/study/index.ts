/** The study room: definitions of studies, the cells they come to, and the runs that fill them. */
export { parseStudy, readStudy, type Settings, type StudyDefinition } from './definition.js'
export { type FindRatesOptions, findRates, type RateFinding } from './findRates.js'
export { holdsStudy, readStudyRecord, writeStudy } from './folder.js'
export { cellOptions, type PlanOptions, planStudy } from './plan.js'
export type { StudyCell, StudyRecord, StudyRun, StudySetting } from './record.js'
export { runStudy, type StudyHooks } from './run.js'
export { chosenCell, luckiest, meanOf, type Spread } from './summary.js'
