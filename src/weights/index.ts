/** The weights room: reading PyTorch files and safetensors, matching names, the download cache. */
export { type DownloadRequest, downloadFile } from './download.js'
export { sha256OfFile } from './hash.js'
export { readWeights } from './load.js'
export { matchWeights } from './match.js'
export { readSafetensors, writeSafetensors } from './safetensors.js'
export { fetchWeights, parseWeightsSource } from './sources.js'
export type { StateDict, StateTensor, Weights } from './stateDict.js'
export { writePyTorch } from './writePytorch.js'
