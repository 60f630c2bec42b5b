/** Duplicates by content: copies, saved again, scaled, coloured, cropped, mirrored, turned; and look-alikes that are none. */

import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { sharedPath } from '../../base/shared.js'
import type { Dataset } from '../dataset.js'
import { scene, temporaryFolder, writeFiles } from '../fixtures.testing.js'
import { imageFolder } from '../folders/imageFolder.js'
import { findDuplicateGroups } from './duplicates.js'

const root = await temporaryFolder()
const original = await scene(1).jpeg({ quality: 95 }).toBuffer()
await writeFiles(root, {
  'a/copied.jpg': original,
  'a/original.jpg': original,
  'a/lone.jpg': await scene(2).jpeg().toBuffer(),
  'a/blank.png': await sharp({ create: { width: 90, height: 60, channels: 3, background: '#fff' } })
    .png()
    .toBuffer(),
  'b/blank.png': await sharp({ create: { width: 60, height: 90, channels: 3, background: '#fff' } })
    .png()
    .toBuffer(),
  'b/broken.jpg': original.subarray(0, 400),
  'b/cropped.jpg': await sharp(original).extract({ left: 90, top: 40, width: 190, height: 170 }).jpeg().toBuffer(),
  'b/gray.png': await scene(3).grayscale().png().toBuffer(),
  'b/colour.jpg': await scene(3).jpeg({ quality: 60 }).toBuffer(),
  'b/lone.jpg': await scene(4).jpeg().toBuffer(),
  'b/small.jpg': await sharp(original).resize(150).jpeg({ quality: 50 }).toBuffer(),
  'b/squeezed.jpg': await sharp(original)
    .resize(200, 200, { fit: 'fill' })
    .modulate({ brightness: 1.1 })
    .jpeg()
    .toBuffer(),
})
const dataset = await imageFolder(root)
const all = [...dataset.samples.keys()]
const names = (data: Dataset, group: readonly number[]) => group.map(index => data.samples[index]!.path)

describe('duplicates', () => {
  test('are found across classes, whatever was done to them', async () => {
    const { groups, pairs } = await findDuplicateGroups(dataset, all, { threads: 2 })
    expect(groups.map(group => names(dataset, group))).toEqual([
      ['a/copied.jpg', 'a/original.jpg', 'b/cropped.jpg', 'b/small.jpg', 'b/squeezed.jpg'],
      ['b/colour.jpg', 'b/gray.png'],
    ])
    const kinds = new Map(pairs.map(({ a, b, kind }) => [names(dataset, [a, b]).join(' '), kind]))
    expect(kinds.get('a/copied.jpg a/original.jpg')).toBe('copy')
    expect(kinds.get('a/copied.jpg b/cropped.jpg')).toBe('crop')
    expect(kinds.get('a/copied.jpg b/small.jpg')).toBe('near')
    for (const { score } of pairs) expect(score).toBeGreaterThan(0.85)
  })

  test('are sought among the given images only, in any order and with any threads', async () => {
    const some = all.filter(index => dataset.samples[index]!.path !== 'a/copied.jpg').reverse()
    const one = await findDuplicateGroups(dataset, some, { threads: 1 })
    expect(names(dataset, one.groups[0]!)).not.toContain('a/copied.jpg')
    expect(await findDuplicateGroups(dataset, [...some].reverse(), { threads: 2 })).toEqual(one)
  })

  test('progress ends at the total; an aborted search ends', async () => {
    const seen = { image: [] as number[][], pair: [] as number[][] }
    await findDuplicateGroups(dataset, all, {
      threads: 1,
      onProgress: (done, total, of) => seen[of].push([done, total]),
    })
    expect(seen.image.at(-1)).toEqual([all.length, all.length])
    const [done, total] = seen.pair.at(-1)!
    expect(done).toBe(total)
    for (const [some, all] of [...seen.image, ...seen.pair]) expect(some).toBeLessThanOrEqual(all!)
    const stop = new AbortController()
    const search = findDuplicateGroups(dataset, all, {
      threads: 1,
      signal: stop.signal,
      onProgress: () => stop.abort(),
    })
    await expect(search).rejects.toThrow('aborted')
  })
})

test('the frames of a film are one group; blank pictures are compared with none', async () => {
  const folder = await temporaryFolder()
  const frames = await scene(7, 400, 240).png().toBuffer()
  for (let i = 0; i < 24; i++) {
    const frame = sharp(frames).extract({ left: i, top: 0, width: 320, height: 240 }).resize(160)
    const blank = { width: 40 + i, height: 40, channels: 3, background: '#eee' } as const
    await writeFiles(folder, {
      [`film/${i}.jpg`]: await frame.jpeg().toBuffer(),
      [`blank/${i}.jpg`]: await sharp({ create: blank }).jpeg().toBuffer(),
    })
  }
  const data = await imageFolder(folder)
  let jobs = 0
  const { groups } = await findDuplicateGroups(data, [...data.samples.keys()], {
    threads: 2,
    onProgress: (_, total) => {
      jobs = total
    },
  })
  expect(groups.map(group => group.length)).toEqual([24])
  // 48 descriptions, and of blank pictures no comparison: with each other they would be 276 more
  expect(jobs - 48).toBeLessThan(24 * 12)
})

test('mirrored and turned copies are found, whole, saved again, and cropped', async () => {
  const folder = await temporaryFolder()
  const whole = await scene(11).jpeg({ quality: 95 }).toBuffer()
  const part = await sharp(whole).extract({ left: 20, top: 20, width: 250, height: 190 }).toBuffer()
  const mirrored = await sharp(whole).flop().toBuffer()
  await writeFiles(folder, {
    'a/whole.jpg': whole,
    'b/flipped.jpg': await sharp(whole).flip().jpeg({ quality: 75 }).toBuffer(),
    'b/mirrored.jpg': await sharp(whole).flop().resize(180).jpeg({ quality: 75 }).toBuffer(),
    'b/mirroredPart.jpg': await sharp(part).flop().jpeg({ quality: 75 }).toBuffer(),
    'b/mirroredTurned.jpg': await sharp(mirrored).rotate(90).jpeg().toBuffer(),
    'b/turned180.jpg': await sharp(whole).rotate(180).jpeg().toBuffer(),
    'b/turned270.jpg': await sharp(whole).rotate(270).resize(150).jpeg({ quality: 60 }).toBuffer(),
    'b/turned90.jpg': await sharp(whole).rotate(90).jpeg().toBuffer(),
    'b/turnedPart.jpg': await sharp(part).rotate(90).jpeg({ quality: 75 }).toBuffer(),
    'c/other.jpg': await sharp(await scene(12).jpeg().toBuffer())
      .flop()
      .jpeg()
      .toBuffer(),
  })
  const data = await imageFolder(folder)
  const { groups, pairs } = await findDuplicateGroups(data, [...data.samples.keys()], { threads: 2 })
  expect(groups.map(group => group.length)).toEqual([9])
  const kinds = pairs.filter(({ a }) => a === 0).map(({ b, kind }) => [data.samples[b]!.path, kind])
  expect(Object.fromEntries(kinds)).toEqual({
    'b/flipped.jpg': 'mirrored',
    'b/mirrored.jpg': 'mirrored',
    'b/mirroredPart.jpg': 'mirrored',
    'b/mirroredTurned.jpg': 'mirrored',
    'b/turned180.jpg': 'turned',
    'b/turned270.jpg': 'turned',
    'b/turned90.jpg': 'turned',
    'b/turnedPart.jpg': 'turned',
  })
  // Without crops whole copies are found all the same, and the two parts of one size
  const near = await findDuplicateGroups(data, [...data.samples.keys()], { threads: 2, crops: false })
  expect(near.groups.map(group => group.length)).toEqual([7, 2])
})

const caltech = sharedPath('data/101_ObjectCategories')

test.skipIf(!caltech)(
  `Faces_easy images are crops of Faces images${caltech ? '' : ' (skipped: needs ../shared/data/101_ObjectCategories)'}`,
  async () => {
    const data = await imageFolder(caltech!)
    const chosen = [...data.samples.keys()].filter(i => /^Faces(_easy)?\/image_00[0-3]/.test(data.samples[i]!.path))
    const { groups } = await findDuplicateGroups(data, chosen)
    const expected = chosen.slice(0, 39).map(i => {
      const path = data.samples[i]!.path
      return [path, path.replace('Faces/', 'Faces_easy/')]
    })
    expect(groups.map(group => names(data, group))).toEqual(expected)
  },
)
