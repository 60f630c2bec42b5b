/** Caltech-101: the nested archive is verified, unpacked once, and nothing in it can reach outside. */
import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { jpeg, temporaryFolder } from '../fixtures.testing.js'
import { caltech101, type NestedArchive } from './caltech101.js'
import { type Entry, tarGz } from './tar.testing.js'
import { unpackTarGz } from './unpackTar.js'
import { zip } from './zip.testing.js'

const md5 = (bytes: Buffer) => createHash('md5').update(bytes).digest('hex')

const image = await jpeg()
const images: Entry[] = [
  { name: '101_ObjectCategories/', type: 'directory' },
  { name: '101_ObjectCategories/accordion/', type: 'directory' },
  { name: '101_ObjectCategories/accordion/image_0001.jpg', content: image },
  { name: '101_ObjectCategories/yin_yang/image_0001.jpg', content: image },
  { name: '101_ObjectCategories/yin_yang/image_0002.jpg', content: image },
  { name: '101_ObjectCategories/BACKGROUND_Google/image_0001.jpg', content: image },
  { name: '101_ObjectCategories/BACKGROUND_Google/tmp', content: 'stray' },
]

/** An archive nested as the official one, in a folder, and what is needed to unpack it. */
async function nested(entries: readonly Entry[], changes: Partial<NestedArchive['inner']> = {}) {
  const folder = await temporaryFolder()
  const inner = await tarGz(entries)
  const path = 'caltech-101/101_ObjectCategories.tar.gz'
  const outer = zip({ 'caltech-101/Annotations.tar': Buffer.from('other'), [path]: inner })
  const file = join(folder, 'download.zip')
  await writeFile(file, outer)
  const archive: NestedArchive = {
    url: 'https://example.org/caltech-101.zip',
    name: 'caltech-101.zip',
    md5: md5(outer),
    inner: { path, md5: md5(inner), ...changes },
  }
  let downloads = 0
  const download = async () => {
    downloads++
    return file
  }
  return { folder: join(folder, 'data'), file, archive, download, downloads: () => downloads }
}

describe('caltech101', () => {
  test('unpacks the images, without the background, and only once', async () => {
    const set = await nested(images)
    const dataset = await caltech101(set)
    expect(dataset.classes).toEqual(['accordion', 'yin_yang'])
    expect(dataset.samples).toHaveLength(3)
    expect(await readFile(join(dataset.root, dataset.samples[0]!.path))).toEqual(image)
    expect(await readdir(set.folder)).toEqual(['101_ObjectCategories'])
    expect(await caltech101(set)).toEqual(dataset)
    expect(set.downloads()).toBe(1)
  })

  test('two at once are fine', async () => {
    const set = await nested(images)
    const [a, b] = await Promise.all([caltech101(set), caltech101(set)])
    expect(a).toEqual(b)
    expect(await readdir(set.folder)).toEqual(['101_ObjectCategories'])
  })

  test('refuses another archive, outside or inside', async () => {
    const set = await nested(images)
    const wrong = { ...set, archive: { ...set.archive, md5: '0'.repeat(32) } }
    await expect(caltech101(wrong)).rejects.toThrow(/is not the expected archive \(MD5 .*; remove it and try again/)
    const inside = await nested(images, { md5: '0'.repeat(32) })
    await expect(caltech101(inside)).rejects.toThrow(/tar\.gz in .* is damaged/)
    expect(await readdir(inside.folder)).toEqual([])
    await expect(caltech101(await nested(images, { path: 'elsewhere.tar.gz' }))).rejects.toThrow(
      /download\.zip cannot be unpacked \(there is no elsewhere\.tar\.gz in it\)/,
    )
  })

  test('leaves nothing behind when an entry is hostile', async () => {
    const set = await nested([...images, { name: '../../evil.jpg', content: image }])
    await expect(caltech101(set)).rejects.toMatchObject({ code: 'data' })
    expect(await readdir(set.folder)).toEqual([])
    expect(await readdir(join(set.folder, '..'))).toEqual(['data', 'download.zip'])
  })
})

describe('hostile archives', () => {
  const unpack = async (entries: readonly Entry[], limits?: { entries: number; bytes: number }) => {
    const folder = await temporaryFolder()
    return unpackTarGz(Readable.from([await tarGz(entries)]), folder, limits)
  }

  for (const name of ['/etc/evil', '../evil', 'a/../../evil', 'a\\..\\evil', 'C:/evil', 'a//evil']) {
    test(`a file named ${name}`, async () => {
      await expect(unpack([{ name, content: 'x' }])).rejects.toThrow('would leave its folder')
    })
  }

  test('links and devices', async () => {
    for (const type of ['symlink', 'link'] as const) {
      await expect(unpack([{ name: 'a', type, linkname: '/etc/passwd' }])).rejects.toThrow(`"a" is a ${type}`)
    }
    await expect(unpack([{ name: 'a', type: 'character-device' }])).rejects.toThrow(
      'the archive was not unpacked: "a" is a character-device',
    )
  })

  test('too many entries, too many bytes', async () => {
    const many = Array.from({ length: 11 }, (_, i) => ({ name: `${i}`, content: 'x' }))
    await expect(unpack(many, { entries: 10, bytes: 1e6 })).rejects.toThrow('more than 10 entries')
    const zeros = [{ name: 'zeros', content: Buffer.alloc(2e6) }]
    await expect(unpack(zeros, { entries: 10, bytes: 1e6 })).rejects.toThrow('more than 1.0 MB when unpacked')
  })

  test('a damaged one', async () => {
    const whole = await tarGz(images)
    const folder = await temporaryFolder()
    const half = Readable.from([whole.subarray(0, whole.length / 2)])
    await expect(unpackTarGz(half, folder)).rejects.toThrow('the archive is damaged')
  })
})
