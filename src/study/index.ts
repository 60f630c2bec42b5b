/** The study room: definitions of studies, the cells they come to, and the runs that fill them. */

export { comparePairs, type Outcomes, outcomesOf, type PairComparison, readOutcomes } from './comparePairs.js'
export { parseStudy, readStudy, type Settings, type StudyDefinition } from './definition.js'
export { findRates, type RateFinding } from './findRates.js'
export { holdsStudy, readStudyRecord, writeStudy } from './folder.js'
export { cellOptions, planStudy } from './plan.js'
export { latestSitting } from './queue/sittings.js'
export type { StudyCell, StudyRecord, StudyRun, StudySetting } from './record.js'
export { runStudy } from './run.js'
export { settlePrecision } from './settlePrecision.js'
export { chosenCell, luckiest, meanOf } from './summary.js'
export { timeLeft } from './timeLeft.js'
