/** Tar files for tests. */
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import tar from 'tar-stream'

export type Entry = Pick<tar.Header, 'name'> &
  Partial<Pick<tar.Header, 'type' | 'linkname'>> & { readonly content?: string | Buffer }

export async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  const pack = tar.pack()
  for (const { content = '', ...header } of entries) {
    if (header.type === undefined || header.type === 'file') pack.entry(header, content)
    else pack.entry(header)
  }
  pack.finalize()
  return buffer(pack)
}

export const tarGz = async (entries: readonly Entry[]): Promise<Buffer> => gzipSync(await tarOf(entries))
