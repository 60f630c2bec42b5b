/** The split of a run: duplicates on one side, and a word about it only where that changes something. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { scene, writeFiles } from '../data/fixtures.testing.js'
import { type Dataset, fileStamps, imageFolder } from '../data/index.js'
import type { TrainingEvent } from './events.js'
import { checkOptions, type TrainingOptions } from './options.js'
import { planSplit } from './planSplit.js'

const folder = await mkdtemp(join(tmpdir(), 'regraft-split-'))
afterAll(() => rm(folder, { recursive: true, force: true }))
process.env.REGRAFT_CACHE = join(folder, 'cache')

/** Ten pictures of one class; of another, smaller copies of the first five and five of its own. */
async function images(root: string): Promise<Dataset> {
  const files: Record<string, Uint8Array> = {}
  for (let i = 0; i < 10; i++) {
    files[`large/${i}.jpg`] = await scene(i).jpeg().toBuffer()
    files[`small/${i}.jpg`] = await scene(i < 5 ? i : 10 + i)
      .jpeg()
      .toBuffer()
  }
  await writeFiles(root, files)
  return imageFolder(root)
}

async function planned(data: Dataset, options: TrainingOptions) {
  const events: TrainingEvent[] = []
  const result = await planSplit(data, checkOptions(options), await fileStamps(data), event => events.push(event))
  const told = events.flatMap(event => (event.type === 'note' || event.type === 'warning' ? [event] : []))
  return { ...result, told }
}

describe('a planned split', async () => {
  const data = await images(join(folder, 'photos'))

  it('keeps copies together, and says how many would have been apart', async () => {
    const { split, grouping, duplicates, told } = await planned(data, { seed: 1 })
    expect(grouping).toBe('crops')
    expect(duplicates?.groups.map(group => group.map(index => data.samples[index]?.path))).toEqual(
      [0, 1, 2, 3, 4].map(i => [`large/${i}.jpg`, `small/${i}.jpg`]),
    )
    const side = (index: number) => Object.entries(split).find(([, part]) => part.includes(index))?.[0]
    for (const [a, b] of duplicates?.groups ?? []) expect(side(a as number)).toBe(side(b as number))
    expect(told).toEqual([
      {
        type: 'note',
        message: expect.stringMatching(
          /^\d+ images are near-duplicates or crops of others and would have been on different sides of the split; they are kept together/,
        ),
      },
    ])
  })

  it('says how many images it takes from training where a folder has no validation or test of its own', async () => {
    const given = { train: [...data.samples.keys()].slice(0, 18), val: [], test: [18, 19] }
    const { told } = await planned({ ...data, predefined: given }, { seed: 1, groupDuplicates: 'none' })
    expect(told.map(({ message }) => message)).toEqual([
      "the folder's own split has no images for validation: 4 of its 18 training images are taken for validation (--split 7:2:1)",
    ])
  })

  it('looks for nothing where that is asked for', async () => {
    const { grouping, duplicates, told } = await planned(data, { seed: 1, groupDuplicates: 'none' })
    expect({ grouping, duplicates, told }).toEqual({ grouping: 'none', duplicates: undefined, told: [] })
  })

  it('says that nothing is left to validate with', async () => {
    const root = join(folder, 'copies')
    const [one, other] = [await scene(1).jpeg().toBuffer(), await scene(2).jpeg().toBuffer()]
    for (let i = 0; i < 8; i++) await writeFiles(root, { [`a/${i}.jpg`]: one, [`b/${i}.jpg`]: other })
    const { told } = await planned(await imageFolder(root), {})
    expect(told.map(({ message }) => message)).toContain(
      'so many images are near-duplicates or crops of others that none is left for validation; remove some of them, or pass --group-duplicates none',
    )
  })

  it('leaves a given split as it is, and warns of what is on both sides of it', async () => {
    const root = join(folder, 'parts')
    await writeFiles(root, {
      'train/a/1.jpg': await scene(1).jpeg().toBuffer(),
      'train/b/2.jpg': await scene(2).jpeg().toBuffer(),
      'test/a/3.jpg': await scene(1).jpeg({ quality: 60 }).toBuffer(),
      'test/b/4.jpg': await scene(4).jpeg().toBuffer(),
    })
    const { split, told, own, across } = await planned(await imageFolder(root), { split: '1:0:1' })
    expect(split.test).toEqual([2, 3])
    expect(own).toEqual({ from: 'folder', taken: [] })
    expect(across).toEqual({ images: 2, test: [2] })
    expect(told).toEqual([
      {
        type: 'warning',
        message:
          "2 images are near-duplicates or crops of others in another part of the folder's own split, 1 of them test images: accuracy may come out too high (--resplit divides all images anew)",
      },
    ])
    const anew = await planned(await imageFolder(root), { split: '1:0:1', resplit: true })
    expect([anew.own, anew.across]).toEqual([undefined, undefined])
    expect(anew.split.train.includes(0)).toBe(anew.split.train.includes(2))
  })
})
