/** Archives as data: what people pack is read as the folder would be, once; what is hostile, damaged or half unpacked is not. */
import { mkdir, readdir, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deflateRawSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { jpeg, temporaryFolder, writeFiles } from '../fixtures.testing.js'
import { nameOf, openDataset } from '../open.js'
import { folderOfImages, unpackedArchive } from './archive.js'
import { tarGz, tarOf } from './tar.testing.js'
import { zip } from './zip.testing.js'

const cache = await temporaryFolder()
process.env.REGRAFT_CACHE = cache
const folder = await temporaryFolder()
const image = await jpeg()

const files = (names: readonly string[]) => Object.fromEntries(names.map(name => [name, image]))
const entries = (names: readonly string[]) => names.map(name => ({ name, content: image }))
const pets = ['photos/cats/1.jpg', 'photos/cats/2.jpg', 'photos/dogs/1.jpg']

const bare = pets.map(name => name.slice('photos/'.length))

async function written(name: string, content: Buffer): Promise<string> {
  await writeFile(join(folder, name), content)
  return join(folder, name)
}

const refusal = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'accepted',
    (error: Error) => error.message,
  )
const refused = async (name: string, content: Buffer) => refusal(unpackedArchive(await written(name, content)))
const unpacked = async () => (await readdir(join(cache, 'archives'))).filter(name => !name.endsWith('.lock'))

/** Bytes of the directory's entry of a zip file, and of the head before the content, set to others. */
function altered(archive: Buffer, inDirectory: number, inHead: number | undefined, ...bytes: number[]): Buffer {
  const changed = Buffer.from(archive)
  changed.set(bytes, changed.indexOf('PK\x01\x02') + inDirectory)
  if (inHead !== undefined) changed.set(bytes, inHead)
  return changed
}

describe('an archive', async () => {
  const kinds = {
    'a.zip': zip({ ...files(pets), '__MACOSX/photos/cats/._1.jpg': Buffer.from('x'), 'photos/.DS_Store': image }),
    'a.tar': await tarOf(entries(pets)),
    'a.tar.gz': await tarGz([{ name: './', type: 'directory' }, ...entries(pets.map(name => `./${name}`))]),
    'a.tgz': await tarGz(entries(bare)),
    'no ending': await tarGz(entries(pets)),
  }
  for (const [name, content] of Object.entries(kinds))
    test(`${name} is read as its folder would be`, async () => {
      const path = await written(name, content)
      const data = await openDataset(path)
      expect(data.classes).toEqual(['cats', 'dogs'])
      expect(data.samples.map(({ path }) => path)).toEqual(name === 'a.tgz' ? bare : pets)
      expect([data.source, nameOf(data)]).toEqual([path, name === 'no ending' ? name : 'a'])
      expect(await folderOfImages(path)).toBe(data.root)
    })

  test('is unpacked once, tells how far it is, and again when it has changed', async () => {
    const path = await written('once.zip', zip(files(pets)))
    const seen: number[] = []
    const root = await unpackedArchive(path, { onUnpack: (done, total) => seen.push(done / total) })
    expect([seen.length, seen.at(-1)]).toEqual([3, 1])
    expect(await unpackedArchive(path, { onUnpack: () => expect.unreachable() })).toBe(root)
    await written('once.zip', zip(files([...pets, 'photos/horses/1.jpg'])))
    expect((await openDataset(path)).classes).toEqual(['cats', 'dogs', 'horses'])
  })

  test('two at once unpack it once', async () => {
    const path = await written('both.tgz', await tarGz(entries(pets)))
    const [a, b] = await Promise.all([unpackedArchive(path), unpackedArchive(path)])
    expect(a).toBe(b)
  })

  test('with a split, with one class that is only measured, and with a list of labels', async () => {
    const parts = await written('parts.zip', zip(files(['set/train/a/1.jpg', 'set/train/b/1.jpg', 'set/val/a/2.jpg'])))
    expect((await openDataset(parts)).predefined).toEqual({ train: [0, 1], val: [2], test: [] })
    const one = await written('one.zip', zip(files(['cats/more/1.jpg', 'cats/2.jpg'])))
    expect((await openDataset(one, { fewestClasses: 1 })).classes).toEqual(['cats'])
    const flat = await written('flat.zip', zip(files(['flat/1.jpg', 'flat/2.jpg'])))
    for (const [i, prefix] of ['flat/', ''].entries()) {
      const labels = await written(`${i}.csv`, Buffer.from(`${prefix}1.jpg,cat\n${prefix}2.jpg,dog\n`))
      const { samples, root } = await openDataset(flat, { labels })
      for (const { path } of samples) expect((await stat(join(root, path))).isFile()).toBe(true)
    }
  })

  test('with names in UTF-8, also where the zip file does not say so', async () => {
    const path = await written('names.zip', zip(files(['猫/1.jpg', 'cafés/1.jpg'])))
    expect((await openDataset(path)).classes).toEqual(['cafés', '猫'])
  })

  test('in an archive, or in a folder, is named where it is all there is', async () => {
    const inner = await written('outer.zip', zip({ 'photos.tar.gz': Buffer.from('x') }))
    expect(await refusal(openDataset(inner))).toBe(
      `${inner} has no class folders (it holds 1 file): photos.tar.gz in it looks like what is meant; name that`,
    )
  })

  test('is what messages name, not the folder it was unpacked to', async () => {
    const path = await written('single.zip', zip(files(['cats/1.jpg'])))
    expect(await refusal(openDataset(path))).toBe(`${path} has one class only (cats): a classifier needs at least two`)
  })
})

describe('is refused in words, and leaves nothing', async () => {
  const whole = zip(files(['cats/1.jpg', 'dogs/1.jpg']))
  const tar = await tarOf(entries(pets))
  const gz = await tarGz(entries(pets))
  const flipped = Buffer.from(whole)
  flipped[300]! ^= 1
  const evil = (name: string) => zip(files([name]))
  const cases: readonly (readonly [what: string, content: Buffer, reason: string | RegExp])[] = [
    ['a zip that climbs out', evil('../evil.jpg'), '"../evil.jpg" would leave its folder'],
    ['a zip from the root', evil('/etc/evil.jpg'), '"/etc/evil.jpg" would leave its folder'],
    ['a zip that climbs out by backslashes', evil('a\\..\\..\\evil.jpg'), '"a/../../evil.jpg" would leave its folder'],
    ['a zip with a link', altered(whole, 38, undefined, 0, 0, 0xff, 0xa1), '"cats/1.jpg" is a link or a device'],
    ['an encrypted zip', altered(whole, 8, 6, 1, 0, 8, 0), '"cats/1.jpg" is encrypted; unpack it yourself'],
    ['a zip by LZMA', altered(whole, 10, 8, 14, 0), '(method 14); pack it as an ordinary zip file'],
    ['a zip that is cut off', whole.subarray(0, whole.length * 0.6), 'damaged or cut off'],
    ['a zip with a flipped bit', flipped, /"cats\/1.jpg" in it is damaged/],
    ['a name twice', await tarOf(entries(['a/1.jpg', 'a/1.jpg'])), '"a/1.jpg" is in it twice'],
    ['a file that is a folder', await tarOf(entries(['a', 'a/1.jpg'])), 'is both a file and a folder'],
    ['a name that is too long', await tarOf(entries([`${'x'.repeat(300)}.jpg`])), 'too long a name'],
    ['a tar with a link', await tarOf([{ name: 'a', type: 'symlink', linkname: '/' }]), '"a" is a symlink; pack the'],
    ['a tar that is cut off', tar.subarray(0, 2000), 'damaged or cut off'],
    ['a tar without its end', tar.subarray(0, tar.length - 1024), 'it is cut off: its end mark is missing'],
    ['a tar.gz that is cut off', gz.subarray(0, gz.length - 30), 'damaged or cut off'],
    ['an archive of another kind', Buffer.from('7z\xbc\xaf\x27\x1c..', 'latin1'), 'is a 7z archive, which is not read'],
    ['no archive at all', Buffer.from('path,label'), 'is a file, not a folder, and no archive that is read'],
  ]
  for (const [i, [what, content, reason]] of cases.entries())
    test(what, async () => {
      const before = await unpacked()
      expect(await refused(`${i}`, content)).toMatch(reason)
      expect(await unpacked()).toEqual(before)
    })

  test('a bomb: its directory says so, or it goes on and on', async () => {
    const zeros = Buffer.alloc(2 ** 21)
    const bomb = altered(zip({ 'a/1.jpg': deflateRawSync(zeros) }), 10, 8, 8, 0)
    const large = Buffer.alloc(4)
    large.writeUInt32LE(2 ** 31)
    expect(await refused('said.zip', altered(bomb, 24, 22, ...large))).toMatch('more than 1.1 GB when unpacked')
    large.writeUInt32LE(1000)
    expect(await refused('unsaid.zip', altered(bomb, 24, 22, ...large))).toMatch('damaged or cut off')
  })

  test('what was stopped, and what a killed process left, is not taken for whole', async () => {
    const path = await written('stopped.zip', zip(files(pets)))
    const stop = new AbortController()
    const before = await unpacked()
    const stopped = unpackedArchive(path, { signal: stop.signal, onUnpack: () => stop.abort(new Error('stopped')) })
    expect(await refusal(stopped)).toBe('stopped')
    expect(await unpacked()).toEqual(before)
    await writeFiles(`${await folderOfImages(path)}.part`, { 'photos/cats/1.jpg': 'half', 'photos/left/1.jpg': 'x' })
    expect((await openDataset(path)).classes).toEqual(['cats', 'dogs'])
  })

  test('what nobody used for a month goes when another one comes', async () => {
    const old = join(cache, 'archives', 'old-0123456789abcdef')
    await mkdir(old)
    await utimes(old, 0, 0)
    await unpackedArchive(await written('new.zip', zip(files([...pets, 'photos/new/1.jpg']))))
    expect(await unpacked()).not.toContain('old-0123456789abcdef')
  })
})
