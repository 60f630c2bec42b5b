/** The data room: image folders, Caltech-101, splits, decoding and transforms, the batch loader. */
export { type Audit, type AuditOptions, audit, type FiveNumbers, type Oddity, oddities } from './audit.js'
export { classCounts, imagesAcross, isLopsided, splitWarnings } from './balance.js'
export { type Caltech101Options, caltech101, type DownloadRequest } from './caltech101.js'
export { type BadImage, type CheckOptions, type CheckResult, checkImages } from './check.js'
export type { Dataset, ImageSample, Split } from './dataset.js'
export { decodeFile, decodeImage, MAX_PIXELS, type RgbImage } from './decode.js'
export {
  type DuplicateKind,
  type DuplicateOptions,
  type DuplicatePair,
  type Duplicates,
  findDuplicateGroups,
} from './duplicates.js'
export { type FileStamps, fileStamps, stateOf } from './fileStamps.js'
export { type ImageFolderOptions, imageFolder } from './imageFolder.js'
export { createImageStore, type ImageStore } from './imageStore.js'
export { type LabelledImagesOptions, labelledImages } from './labels.js'
export {
  type Augmentation,
  type Batch,
  type BatchOptions,
  createLoader,
  type Loader,
  type LoaderOptions,
  undecodable,
} from './loader.js'
export {
  classesWithout,
  type SplitOptions,
  type SplitPaths,
  split,
  splitFromPaths,
  splitToPaths,
} from './split.js'
export { augment, type CropFlip, defaultCropFlip, evaluationCrop, normalisation, normalise } from './transform.js'
