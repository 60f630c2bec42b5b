/** The data room: image folders, Caltech-101, splits, decoding and transforms, the batch loader. */
export { type Audit, type AuditOptions, audit, type FiveNumbers, type Oddity } from './audit.js'
export { classCounts, imagesAcross, isLopsided, splitWarnings, twinsInTest } from './balance.js'
export { caltech101, type DownloadRequest } from './caltech101.js'
export { type BadImage, checkImages } from './check.js'
export type { Dataset, ImageSample, Split } from './dataset.js'
export { decodeFile, decodeImage, MAX_PIXELS, type RgbImage, readBounded, TooManyPixels } from './decode.js'
export {
  type Duplicates,
  findDuplicateGroups,
} from './duplicates.js'
export { type FileStamps, fileStamps, stateOf } from './fileStamps.js'
export { type ImageFolderOptions, imageFolder } from './imageFolder.js'
export { createImageStore, type ImageStore } from './imageStore.js'
export { labelledImages } from './labels.js'
export {
  type Augmentation,
  type Batch,
  type BatchOptions,
  createLoader,
  type Loader,
  type LoaderOptions,
  undecodable,
} from './loader.js'
export { openImage } from './openImage.js'
export { pixelLoops } from './pixelLoops.js'
export {
  classesWithout,
  split,
  splitFromPaths,
  splitToPaths,
} from './split.js'
export {
  augment,
  type CropFlip,
  defaultCropFlip,
  evaluationCrop,
  evaluationPlan,
  normalisation,
  normalise,
} from './transform.js'
export { answerJobs, createWorkerPool, type WorkerPool } from './workerPool.js'
