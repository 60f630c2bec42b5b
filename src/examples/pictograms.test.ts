import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, describe, expect, it } from 'vitest'
import { demoShapes, trunkShapes } from './pictogramShapes.js'
import { drawPictograms } from './pictograms.js'

const folder = await mkdtemp(join(tmpdir(), 'regraft-pictograms-'))
afterAll(() => rm(folder, { recursive: true }))

const { house, key } = demoShapes
const shapes = { house: house!, key: key! }

describe('pictograms', () => {
  it('are real images, so many in a folder for each class', async () => {
    const target = join(folder, 'images')
    await drawPictograms(target, { shapes, imagesPerClass: 18, size: 48, seed: 1 })
    expect((await readdir(target)).sort()).toEqual(['house', 'key'])
    for (const name of Object.keys(shapes)) {
      const files = await readdir(join(target, name))
      expect(files).toHaveLength(18)
      for (const file of files) {
        const { data, info } = await sharp(join(target, name, file))
          .raw()
          .toBuffer({ resolveWithObject: true })
        expect(info).toMatchObject({ width: 48, height: 48, channels: 3 })
        expect(new Set(data).size).toBeGreaterThan(20)
      }
    }
  })

  it('are the same for the same seed, and others for another', async () => {
    const bytes = async (run: string, seed: number) => {
      await drawPictograms(join(folder, run), { shapes, imagesPerClass: 2, size: 48, seed })
      return Promise.all(
        ['house/0001.jpg', 'house/0002.jpg', 'key/0001.jpg'].map(path => readFile(join(folder, run, path), 'base64')),
      )
    }
    const first = await bytes('first', 7)
    expect(await bytes('again', 7)).toEqual(first)
    expect(new Set([...first, ...(await bytes('other', 8))]).size).toBe(6)
  })

  it('show ten classes, none of which the trunk has seen', () => {
    expect(Object.keys(demoShapes)).toHaveLength(10)
    expect(Object.keys(trunkShapes).filter(name => name in demoShapes)).toEqual([])
  })
})
