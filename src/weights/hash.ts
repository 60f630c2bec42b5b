/** Checksums of files. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'

/** The checksum of a file in hexadecimal digits; read in pieces. */
export async function hashOfFile(path: string, algorithm: 'sha256' | 'md5'): Promise<string> {
  const hash = createHash(algorithm)
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 ** 2 })) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

/** The SHA-256 of a file, as 64 hexadecimal digits. */
export const sha256OfFile = (path: string): Promise<string> => hashOfFile(path, 'sha256')
