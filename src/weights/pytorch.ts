/** Reads what torch.save writes, in either of its formats, without executing anything. */
import { RegraftError } from '../base/errors.js'
import type { Weights } from './stateDict.js'
import { isTorchLegacy, readTorchLegacy } from './torchLegacy.js'
import { readTorchZip } from './torchZip.js'

/** Whether a file that starts with these bytes is one of PyTorch's. */
export const isPyTorch = (start: Buffer): boolean => isZip(start) || isTorchLegacy(start)

const isZip = (start: Buffer): boolean => start.subarray(0, 4).equals(Buffer.from('PK\x03\x04', 'latin1'))

/**
 * The weights in a file of PyTorch's: a state dict, or a checkpoint that holds one.
 * @throws RegraftError('weights') that says what is wrong with the content; the caller names the file
 */
export async function readPyTorch(bytes: Buffer): Promise<Weights> {
  try {
    return isZip(bytes) ? await readTorchZip(bytes) : { tensors: await readTorchLegacy(bytes), metadata: {} }
  } catch (error) {
    if (error instanceof RegraftError) throw error
    // What is left are reads beyond the end, in numbers that a cut or a flipped byte has spoilt.
    throw new RegraftError('weights', `it is damaged (${(error as Error).message}); get it again`, { cause: error })
  }
}
