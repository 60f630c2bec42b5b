/** Writes many bytes to an open file. */
import type { FileHandle } from 'node:fs/promises'

/** Node writes at most 2 GB at once. */
const piece = 256 * 1024 ** 2

export async function writeBytes(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; )
    done += (await file.write(bytes, done, Math.min(piece, bytes.length - done))).bytesWritten
}
