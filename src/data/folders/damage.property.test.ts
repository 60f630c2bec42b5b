/** Whatever happens to the bytes of an archive or a list of labels, reading it ends in what is in it or in a clear refusal. */
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import tar from 'tar-stream'
import { describe, expect, test } from 'vitest'
import { damage } from '../../base/damage.testing.js'
import { RegraftError } from '../../base/errors.js'
import { jpeg, temporaryFolder, writeFiles } from '../fixtures.testing.js'
import { labelledImages } from './labels.js'
import { unpackTarGz } from './unpackTar.js'
import { unpackZip } from './unpackZip.js'
import { zip } from './zip.testing.js'
import { openZipEntry } from './zipEntry.js'

const root = await temporaryFolder()
const runs = { numRuns: 300 }

/** The result, or the refusal; anything else that is thrown fails the test. */
async function orRefusal<Result>(work: Promise<Result>): Promise<Result | RegraftError> {
  return work.catch((error: unknown) => {
    expect(error).toBeInstanceOf(RegraftError)
    expect((error as Error).message).not.toBe('')
    return error as RegraftError
  })
}

async function tarFile(): Promise<Buffer> {
  const pack = tar.pack()
  pack.entry({ name: 'photos/', type: 'directory' })
  pack.entry({ name: 'photos/1.jpg' }, await jpeg(1))
  pack.entry({ name: `photos/${'long/'.repeat(30)}2.jpg` }, await jpeg(2))
  pack.entry({ name: 'photos/\u732b.jpg', pax: { comment: 'x' } }, 'small')
  pack.finalize()
  return buffer(pack)
}

/** Paths of all files below a folder, with their sizes; a link of any kind fails. */
async function filesBelow(folder: string): Promise<number> {
  let bytes = 0
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    expect(entry.isFile() || entry.isDirectory()).toBe(true)
    const path = join(folder, entry.name)
    bytes += entry.isDirectory() ? await filesBelow(path) : (await stat(path)).size
  }
  return bytes
}

describe('a damaged tar file', async () => {
  const whole = await tarFile()
  const limits = { entries: 20, bytes: 4 * whole.length }

  const unpack = async (bytes: Buffer) => {
    const outer = await mkdtemp(join(root, 'tar-'))
    const folder = join(outer, 'inner')
    await mkdir(folder)
    await orRefusal(unpackTarGz(Readable.from([bytes]), folder, limits))
    expect(await readdir(outer)).toEqual(['inner'])
    expect(await filesBelow(folder)).toBeLessThanOrEqual(limits.bytes)
    await rm(outer, { recursive: true })
  }

  test('within its compression', async () => {
    await fc.assert(
      fc.asyncProperty(damage, damaged => unpack(gzipSync(damaged(whole), { level: 1 }))),
      runs,
    )
  })

  test('around its compression', async () => {
    const compressed = gzipSync(whole)
    await fc.assert(
      fc.asyncProperty(damage, damaged => unpack(damaged(compressed))),
      runs,
    )
  })
})

test('a damaged zip file', async () => {
  const content = await jpeg(3)
  const whole = zip({ 'other.txt': Buffer.from('other'), 'photos/1.jpg': content })
  const path = join(root, 'damaged.zip')
  await fc.assert(
    fc.asyncProperty(damage, async damaged => {
      await writeFile(path, damaged(whole))
      const stream = await orRefusal(openZipEntry(path, 'photos/1.jpg'))
      if (stream instanceof RegraftError) return
      // What reads the stream gets an error or an end, and no more than the file can hold
      const read = await buffer(stream).catch((error: unknown) => expect(error).toBeInstanceOf(Error))
      if (read instanceof Buffer) expect(read.length).toBeLessThanOrEqual(2 * whole.length)
    }),
    runs,
  )
})

test('a damaged zip file, unpacked', async () => {
  const content = await jpeg(3)
  const whole = zip({ 'other.txt': Buffer.from('other'), 'photos/1.jpg': content, 'photos/\u732b/2.jpg': content })
  const path = join(root, 'unpacked.zip')
  const limits = { entries: 20, bytes: 4 * whole.length }
  await fc.assert(
    fc.asyncProperty(damage, async damaged => {
      await writeFile(path, damaged(whole))
      const outer = await mkdtemp(join(root, 'zip-'))
      const folder = join(outer, 'inner')
      await mkdir(folder)
      await orRefusal(unpackZip(path, folder, limits))
      expect(await readdir(outer)).toEqual(['inner'])
      expect(await filesBelow(folder)).toBeLessThanOrEqual(limits.bytes)
      await rm(outer, { recursive: true })
    }),
    runs,
  )
})

test('a damaged list of labels', async () => {
  await writeFiles(root, { 'a/1.jpg': 'x', 'a/2.jpg': 'x', 'b/1.jpg': 'x', 'b/\u732b, "the cat".jpg': 'x' })
  const whole = Buffer.from(
    'path,label,split\r\na/1.jpg,cat,train\r\na/2.jpg,"dog, large",train\r\nb/1.jpg,cat,val\r\n"b/\u732b, ""the cat"".jpg",cat,test\r\n',
  )
  const path = join(root, 'labels.csv')
  await fc.assert(
    fc.asyncProperty(damage, async damaged => {
      await writeFile(path, damaged(whole))
      const data = await orRefusal(labelledImages(path))
      if (data instanceof RegraftError) return
      expect(data.samples.length).toBeLessThanOrEqual(4)
      for (const { path, label } of data.samples) {
        expect(path).not.toMatch(/^\/|(^|\/)\.\.(\/|$)/)
        expect(data.classes[label]).toBeTruthy()
      }
    }),
    runs,
  )
})
