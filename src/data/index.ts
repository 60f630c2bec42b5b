/** The data room: image folders, Caltech-101, splits, decoding and transforms, the batch loader. */
export { type Audit, type AuditOptions, audit, type FiveNumbers, type Oddity } from './checks/audit.js'
export { type BadImage, checkImages } from './checks/check.js'
export { type FileStamps, fileStamps, stateOf } from './checks/fileStamps.js'
export { type Dataset, type ImageSample, type Split, sourceOf } from './dataset.js'
export { decodeFile, MAX_PIXELS, type RgbImage } from './decode/decode.js'
export { pixelLoops } from './decode/pixelLoops.js'
export {
  augment,
  type CropFlip,
  defaultCropFlip,
  evaluationCrop,
  normalisation,
  normalise,
} from './decode/transform.js'
export {
  type DuplicateKind,
  type Duplicates,
  findDuplicateGroups,
} from './duplicates/duplicates.js'
export { folderOfImages, isArchive, type Unpacking, unpackedArchive } from './folders/archive.js'
export { caltech101, type DownloadRequest } from './folders/caltech101.js'
export { type ImageFolderOptions, imageFolder } from './folders/imageFolder.js'
export { labelledImages } from './folders/labels.js'
export { createImageStore, type ImageStore } from './loader/imageStore.js'
export {
  type Augmentation,
  type Batch,
  type BatchOptions,
  createLoader,
  type Loader,
  type LoaderOptions,
  undecodable,
} from './loader/loader.js'
export { createWorkerPool, type WorkerPool } from './loader/workerPool.js'
export { nameOf, type OpenOptions, openDataset } from './open.js'
export { classCounts, imagesAcross, isLopsided, splitWarnings, twinsInTest } from './split/balance.js'
export {
  classesWithout,
  split,
  splitFromPaths,
  splitToPaths,
} from './split/split.js'
