/** The inference room: predict, explain, evaluate and export with what was trained. */

export type { ExportCheck } from './checkExport.js'
export {
  type ClassifierOptions,
  type ImagePrediction,
  predict,
  pretrainedModel,
} from './classifier.js'
export { type EvaluationOptions, evaluateRun, type RunEvaluation } from './evaluateRun.js'
export { type Explainer, type ExplainerOptions, type Explanation, loadExplainer } from './explain.js'
export { type ExportedInt8, exportInt8, type Int8Comparison } from './exportInt8.js'
export { type ExportedOnnx, type ExportOptions, exportOnnx } from './exportOnnx.js'
export { type ExportedPage, exportWeb } from './exportWeb.js'
export { exportWeights } from './exportWeights.js'
export {
  type Classifier,
  type Judgement,
  type LoadOptions,
  loadClassifier,
  type PredictOptions,
} from './loadClassifier.js'
export type { RejectionMeasured } from './measureRejection.js'
export type { Score } from './score.js'
export type { SeenImages } from './seenImages.js'
export { type Ingredient, makeSoup, type Soup, type SoupOptions } from './soup.js'
export { type ImageSource, ImageTooLarge, UnreadableImage } from './unreadable.js'
