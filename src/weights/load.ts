/** Reads a file of weights, whatever its format: told by the content, never by the name. */
import { open, readFile, stat } from 'node:fs/promises'
import { RegraftError } from '../base/errors.js'
import { isPyTorch, readPyTorch } from './pytorch.js'
import { readSafetensors } from './safetensors.js'
import type { Weights } from './stateDict.js'

/** Node reads no larger file at once; the largest network here has 250 MB. */
const largestFile = 2 ** 31 - 1

/** Other things that are found under the names of weights, by how they start. */
const others: readonly (readonly [RegExp, string])[] = [
  [/^\s*<(!doctype|html|head|body|\?xml)/i, 'is an HTML page, not a checkpoint; download the file itself'],
  [/^version https:\/\/git-lfs/, "is a Git LFS pointer, not the file itself; run 'git lfs pull'"],
  [/^\x89HDF\r\n/, 'is an HDF5 file, as Keras writes it; only PyTorch files and safetensors are read'],
  [/^\{/, 'is JSON, not a checkpoint; download the file itself'],
]

/**
 * Reads PyTorch's zip or legacy format, or safetensors.
 * @throws RegraftError('weights') that names the file and says what it is instead, or what is wrong with it
 */
export async function readWeights(path: string): Promise<Weights> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => error)
  if (found instanceof Error)
    throw new RegraftError(
      'weights',
      found.code === 'ENOENT'
        ? `there is no weights file ${path}; check the path`
        : `${path} cannot be read (${found.message})`,
    )
  if (!found.isFile()) throw new RegraftError('weights', `${path} is a folder, not a file of weights; check the path`)
  if (found.size === 0) throw new RegraftError('weights', `${path} is empty; get it again`)
  if (found.size > largestFile)
    throw new RegraftError('weights', `${path} is larger than 2 GB; no network here has such weights`)
  const start = await head(path)
  if (isPyTorch(start)) return readPyTorchFile(path)
  if (start[8] === 0x7b && start.readBigUInt64LE() < 2n ** 32n) return readSafetensors(path)
  const other = others.find(([pattern]) => pattern.test(start.toString('latin1')))?.[1]
  throw new RegraftError(
    'weights',
    `${path} ${other ?? 'is no file of weights that is known here (PyTorch .pth or .pt, safetensors); check that it is the right one'}`,
  )
}

async function readPyTorchFile(path: string): Promise<Weights> {
  const bytes = await readFile(path)
  try {
    return await readPyTorch(bytes)
  } catch (error) {
    throw new RegraftError('weights', `${path} cannot be read: ${(error as Error).message}`, { cause: error })
  }
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
