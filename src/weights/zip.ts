/** Entries of a zip archive that stores without compression, as torch.save writes it. */
import yauzl from 'yauzl'
import { RegraftError } from '../base/errors.js'

const mostEntries = 100_000

/** All entries by name. They are stored, so together they are no larger than the archive itself. */
export function zipEntries(bytes: Buffer): Promise<Map<string, Buffer>> {
  return new Promise((resolve, reject) => {
    const fail = (what: string) => reject(new RegraftError('weights', what))
    yauzl.fromBuffer(bytes, { lazyEntries: true }, (error, zip) => {
      if (error) return fail(`its zip archive is damaged or cut off (${error.message})`)
      const entries = new Map<string, Buffer>()
      zip.on('error', (cause: Error) => fail(`its zip archive is damaged (${cause.message})`))
      zip.on('end', () => resolve(entries))
      zip.on('entry', (entry: yauzl.Entry) => {
        if (entry.compressionMethod !== 0) return fail('its zip archive is compressed, which PyTorch’s never are')
        if (entries.size >= mostEntries) return fail('its zip archive has more entries than any network')
        zip.openReadStream(entry, (problem, stream) => {
          if (problem) return fail(`its zip archive is damaged (${problem.message})`)
          const chunks: Buffer[] = []
          stream.on('error', (cause: Error) => fail(`its zip archive is damaged (${cause.message})`))
          stream.on('data', (chunk: Buffer) => chunks.push(chunk))
          stream.on('end', () => {
            entries.set(entry.fileName, Buffer.concat(chunks))
            zip.readEntry()
          })
        })
      })
      zip.readEntry()
    })
  })
}
