/** What worker threads of other rooms need of images: without folders, archives and tables a thread starts in half the time. */
export { decodeImage, MAX_PIXELS, type RgbImage, readBounded, TooManyPixels } from './decode/decode.js'
export { openImage } from './decode/openImage.js'
export { evaluationCrop, evaluationPlan, normalisation, normalise } from './decode/transform.js'
export { answerJobs } from './loader/workerPool.js'
