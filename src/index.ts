/** Regraft as a library: fine-tune pretrained convolutional networks on images, and use what was trained. */
export { RegraftError } from './base/errors.js'
export type { Preprocessing } from './base/preprocessing.js'
export type { RandomStream } from './base/random.js'
export {
  type Dataset,
  type ImageFolderOptions,
  type ImageSample,
  imageFolder,
  type OpenOptions,
  openDataset,
  type Split,
  type Unpacking,
} from './data/index.js'
export type { Precision } from './engines/index.js'
export {
  type Classifier,
  type ClassifierOptions,
  type EvaluationOptions,
  type Explainer,
  type ExplainerOptions,
  type Explanation,
  type ExportCheck,
  type ExportedOnnx,
  type ExportedPage,
  type ExportOptions,
  evaluateRun,
  exportOnnx,
  exportWeb,
  exportWeights,
  type ImagePrediction,
  type ImageSource,
  ImageTooLarge,
  type Ingredient,
  type Judgement,
  type LoadOptions,
  loadClassifier,
  loadExplainer,
  makeSoup,
  type PredictOptions,
  predict,
  pretrainedModel,
  type RejectionMeasured,
  type RunEvaluation,
  type Score,
  type SeenImages,
  type Soup,
  type SoupOptions,
} from './inference/index.js'
export { describe, type Network, networks } from './models/index.js'
// Past the room's own list, whose figures have types that not every project's settings take
export type { Language } from './report/locales/index.js'
export { collectPictures } from './report/pictures/pictures.js'
export { writeReport } from './report/writeReport.js'
export {
  type EpochRecord,
  type Finished,
  type Harmless,
  type Hooks,
  type Listener,
  type Metrics,
  type Model,
  type Own,
  type OwnAugmentation,
  type Places,
  type PredictionRow,
  type Progress,
  type RecipeName,
  type RunConfig,
  type RunResult,
  readModel,
  recipes,
  resume,
  type Schedule,
  type TrainingEvent,
  type TrainingOptions,
  train,
} from './training/index.js'
