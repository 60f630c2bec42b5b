/** Entries of a zip archive that stores without compression, as torch.save writes it. */
import yauzl from 'yauzl'
import { RegraftError } from '../base/errors.js'
import { printable } from './printable.js'
import { wrong } from './torchTensor.js'

/** What yauzl 3 has and its published types do not. */
interface ZipFile {
  eachEntry(): AsyncIterable<yauzl.Entry>
  readLocalFileHeaderPromise(entry: yauzl.Entry, options: { minimal: true }): Promise<{ fileDataStart: number }>
}
const promises = yauzl as unknown as { fromBufferPromise(bytes: Buffer): Promise<ZipFile> }

const mostEntries = 100_000

/**
 * All entries by name, as parts of `bytes`: nothing is copied or unpacked.
 * @param examine sees every name before anything is said of how the archive is packed
 * @throws RegraftError('weights') where the archive is damaged, compressed or encrypted
 */
export async function zipEntries(
  bytes: Buffer,
  examine: (names: Iterable<string>) => void = () => {},
): Promise<Map<string, Buffer>> {
  const entries = new Map<string, Buffer>()
  let packed = false
  try {
    const zip = await promises.fromBufferPromise(bytes)
    for await (const entry of zip.eachEntry()) {
      if (entries.size >= mostEntries) throw wrong('its zip archive has more entries than any network')
      if (entries.has(entry.fileName)) throw wrong(`its zip archive has two entries '${printable(entry.fileName)}'`)
      if (entry.compressionMethod !== 0 || entry.generalPurposeBitFlag & 1) {
        packed = true
        entries.set(entry.fileName, Buffer.alloc(0))
        continue
      }
      const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true })
      const end = fileDataStart + entry.uncompressedSize
      if (end > bytes.length) throw wrong('its zip archive is cut off')
      entries.set(entry.fileName, bytes.subarray(fileDataStart, end))
    }
    examine(entries.keys())
    if (packed) throw wrong("its zip archive is compressed or encrypted, which PyTorch's never are")
  } catch (error) {
    if (error instanceof RegraftError) throw error
    throw wrong(`its zip archive is damaged or cut off (${(error as Error).message})`)
  }
  return entries
}
