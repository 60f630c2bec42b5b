/** Reads a file of weights, whatever its format: told by the content, never by the name. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, readFile, stat } from 'node:fs/promises'
import { RegraftError } from '../base/errors.js'
import { isTorchLegacy, readTorchLegacy, readTorchZip } from './pytorch.js'
import { readSafetensors } from './safetensors.js'
import type { Weights } from './stateDict.js'

/** Node cannot hold more in one buffer; the largest network here has 250 MB. */
const largestFile = 2 ** 31 - 1

/**
 * Reads PyTorch's zip or legacy format, or safetensors.
 * @throws RegraftError('weights') that names the file and says what it is instead, or what is wrong with it
 */
export async function readWeights(path: string): Promise<Weights> {
  const size = await stat(path).then(
    found => (found.isFile() ? found.size : undefined),
    () => undefined,
  )
  if (size === undefined) throw new RegraftError('weights', `there is no weights file ${path}; check the path`)
  if (size > largestFile)
    throw new RegraftError('weights', `${path} is larger than 2 GB; no network here has such weights`)
  const start = await head(path)
  const text = start.toString('latin1').trimStart().toLowerCase()
  if (text.startsWith('<'))
    throw new RegraftError('weights', `${path} is a web page, not a file of weights; download the file itself`)
  if (start.length >= 9 && start[8] === 0x7b && start.readBigUInt64LE() < 2n ** 32n) return readSafetensors(path)
  const named = (error: unknown) =>
    error instanceof RegraftError
      ? new RegraftError('weights', `${path} cannot be read: ${error.message}`)
      : new RegraftError('weights', `${path} is damaged (${(error as Error).message}); get it again`)
  try {
    const bytes = await readFile(path)
    if (start.readUInt16BE() === 0x504b) return { tensors: await readTorchZip(bytes), metadata: {} }
    if (isTorchLegacy(bytes)) return { tensors: readTorchLegacy(bytes), metadata: {} }
  } catch (error) {
    throw named(error)
  }
  throw new RegraftError(
    'weights',
    `${path} is no file of weights that is known here (PyTorch's .pth or .pt, safetensors)`,
  )
}

async function head(path: string): Promise<Buffer> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(64), 0, 64, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

/** The SHA-256 of a file, as 64 hexadecimal digits. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
