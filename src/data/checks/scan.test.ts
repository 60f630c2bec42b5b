/** What is remembered of a folder between runs: a second run does nothing twice, and changed files are seen. */
import { readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { withSize } from '../../base/preprocessing.js'
import { findDuplicateGroups } from '../duplicates/duplicates.js'
import { imagenet, jpeg, scene, temporaryFolder, writeFiles } from '../fixtures.testing.js'
import { imageFolder } from '../folders/imageFolder.js'
import { createLoader, type Loader } from '../loader/loader.js'
import { checkImages } from './check.js'
import { fileStamps } from './fileStamps.js'
import { keepScan, readScan } from './keepScan.js'

const cache = await temporaryFolder()
process.env.REGRAFT_CACHE = cache
const scans = join(cache, 'scans')
beforeEach(() => rm(scans, { recursive: true, force: true }))

/** Four images in two classes; one is a smaller copy of another. */
async function folder() {
  const root = await temporaryFolder()
  const original = scene(1)
  await writeFiles(root, {
    'a/1.jpg': await original.clone().jpeg().toBuffer(),
    'a/2.jpg': await jpeg(2),
    'b/1.jpg': await original.clone().resize(200).jpeg().toBuffer(),
    'b/2.jpg': await jpeg(3),
  })
  return root
}

const wholeSplit = { train: [0, 2, 3], val: [1], test: [] }

/** Checks the images of a folder as `train` does; the result is how many were decoded, and the bad ones. */
async function check(root: string) {
  const data = await imageFolder(root)
  const loader = createLoader(data, { preprocessing: withSize(imagenet, 32), threads: 1 })
  let decoded = 0
  const counting: Loader = {
    ...loader,
    prepare: (...job) => {
      decoded++
      return loader.prepare(...job)
    },
  }
  const progress: number[] = []
  try {
    const stamps = await fileStamps(data)
    const { bad } = await checkImages(counting, wholeSplit, {
      stamps,
      skipBad: true,
      onProgress: (done, total) => progress.push(done / total),
    })
    expect(progress.at(-1)).toBe(1)
    return { decoded, bad: bad.map(({ path }) => path) }
  } finally {
    await loader.close()
  }
}

/** Searches as `train` does; the result is how many jobs there were, and the groups. */
async function search(root: string, crops = true) {
  const data = await imageFolder(root)
  let jobs = 0
  const { groups, pairs } = await findDuplicateGroups(data, [...data.samples.keys()], {
    crops,
    threads: 1,
    stamps: await fileStamps(data),
    onProgress: () => jobs++,
  })
  return { jobs, groups: groups.map(group => group.map(index => data.samples[index]!.path)), pairs }
}

describe('the check of images', () => {
  test('decodes a file once, and again when its content or time has changed', async () => {
    const root = await folder()
    expect(await check(root)).toEqual({ decoded: 4, bad: [] })
    expect(await check(root)).toEqual({ decoded: 0, bad: [] })
    await writeFile(join(root, 'a/2.jpg'), await jpeg(7))
    await utimes(join(root, 'b/2.jpg'), new Date(), new Date(0))
    expect(await check(root)).toEqual({ decoded: 2, bad: [] })
  })

  test('never takes a bad file for good: it is decoded each time, and seen when it turns bad later', async () => {
    const root = await folder()
    await writeFile(join(root, 'a/2.jpg'), 'no image')
    expect(await check(root)).toEqual({ decoded: 4, bad: ['a/2.jpg'] })
    expect(await check(root)).toEqual({ decoded: 1, bad: ['a/2.jpg'] })
    await writeFile(join(root, 'b/2.jpg'), 'gone')
    expect(await check(root)).toEqual({ decoded: 2, bad: ['a/2.jpg', 'b/2.jpg'] })
  })

  test('does not mix folders up, and ignores a damaged cache', async () => {
    const [one, other] = [await folder(), await folder()]
    await check(one)
    expect((await check(other)).decoded).toBe(4)
    for (const name of await readdir(scans)) {
      const bytes = await readFile(join(scans, name))
      bytes[bytes.length - 30]! ^= 1
      await writeFile(join(scans, name), bytes)
    }
    expect((await check(one)).decoded).toBe(4)
    expect((await check(one)).decoded).toBe(0)
    for (const name of await readdir(scans)) await writeFile(join(scans, name), '')
    expect((await check(one)).decoded).toBe(4)
  })
})

describe('the search for duplicates', () => {
  test.each([true, false])('is done once for the same files; crops: %s', async crops => {
    const root = await folder()
    const first = await search(root, crops)
    expect(first.groups).toEqual([['a/1.jpg', 'b/1.jpg']])
    const second = await search(root, crops)
    expect(second).toEqual({ ...first, jobs: 1 })
  })

  test('describes only what is new, and finds the same as a search without memory', async () => {
    const root = await folder()
    await search(root)
    await writeFiles(root, { 'b/3.jpg': await readFile(join(root, 'a/2.jpg')) })
    const added = await search(root)
    expect(added.groups).toEqual([
      ['a/1.jpg', 'b/1.jpg'],
      ['a/2.jpg', 'b/3.jpg'],
    ])
    await rm(scans, { recursive: true })
    const anew = await search(root)
    expect(anew.pairs).toEqual(added.pairs)
    expect(anew.jobs - added.jobs).toBe(4)
  })
})

describe('what is kept', () => {
  const kind = { name: 'test', revision: 1 }

  test('is void for another revision, another folder and another state', async () => {
    await keepScan('/photos', kind, Buffer.from('found'), 'then')
    expect((await readScan('/photos', kind, 'then'))?.toString()).toBe('found')
    expect(await readScan('/photos', { ...kind, revision: 2 }, 'then')).toBeUndefined()
    expect(await readScan('/pictures', kind, 'then')).toBeUndefined()
    expect(await readScan('/photos', kind, 'now')).toBeUndefined()
  })

  test('is bounded: of many scans the oldest go', async () => {
    for (let i = 0; i < 260; i++) await keepScan(`/photos/${i}`, kind, Buffer.from('found'))
    expect((await readdir(scans)).length).toBe(256)
    expect(await readScan('/photos/259', kind)).toBeDefined()
  })

  test('is not missed where the cache cannot be written', async () => {
    process.env.REGRAFT_CACHE = '/dev/null/nowhere'
    await keepScan('/photos', kind, Buffer.from('found'))
    expect(await readScan('/photos', kind)).toBeUndefined()
    process.env.REGRAFT_CACHE = cache
  })
})
