/** The inference room: predict and evaluate with what was trained. */
export {
  type ClassifierOptions,
  type ImagePrediction,
  predict,
  pretrainedModel,
  type Score,
} from './classifier.js'
export { type EvaluationOptions, evaluateRun, type RunEvaluation } from './evaluateRun.js'
export { exportOnnx } from './exportOnnx.js'
