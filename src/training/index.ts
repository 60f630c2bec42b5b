/** The training room: the loop, optimisers and schedules, metrics, checkpoints, the run folder, events. */
export { auditLabels, type LabelAudit, type LabelAuditOptions, type LabelDoubt } from './auditLabels.js'
export { chosenFor, inferencePrecision } from './choose.js'
export { evaluate } from './evaluate.js'
export type { Listener, Progress, TrainingEvent } from './events.js'
export type { Finished } from './execute.js'
export { bestOf } from './fit.js'
export { type Grafted, graft } from './graft.js'
export { type Metrics, ranking, softmax, summarise, wilsonInterval, withInterval } from './metrics.js'
export { meanLogits, mirrored, withViews } from './mirror.js'
export { type Model, readModel, readTemperature } from './model.js'
export {
  checkOptions,
  type ResolvedOptions,
  type TrainingOptions,
  trainingOptions,
} from './options.js'
export type { Own, OwnAugmentation, Schedule } from './own.js'
export { fractionsOf, planSplit, resplit } from './planSplit.js'
export { readPredictions, type TestPrediction } from './predictions.js'
export { type RecipeName, recipeNames, recipes } from './recipes.js'
export { confidenceOf, type Rejection, thresholdOf, USUAL_SHARE } from './rejection.js'
export {
  type EpochRecord,
  type PredictionRow,
  type RunConfig,
  type RunResult,
  readConfig,
  readHistory,
  readResult,
  resultFile,
  writePredictions,
} from './runFolder.js'
export { differingSettings, findRuns, type RunSummary, readRun } from './runs.js'
export { compileInference, type Inference } from './session.js'
export type { Harmless, Hooks, Places, Reuse } from './setUp.js'
export { resume, scratchOf, train } from './train.js'
