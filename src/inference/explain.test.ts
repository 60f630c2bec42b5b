/** A network that is kept ready explains images: which class, where it sees it, and a picture of that. */
import { readFile, writeFile } from 'node:fs/promises'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../base/folder.testing.js'
import { type Explainer, loadExplainer } from './explain.js'
import { predict } from './index.js'
import { randomModel } from './randomModel.testing.js'

const at = temporaryFolder()
const [wide, damaged] = [at('wide.png'), at('damaged.jpg')]
const model = randomModel('resnet18-narrow', ['ant', 'bee', 'cat'], 64)
let explainer: Explainer

beforeAll(async () => {
  // A red disc on the left and a blue one on the right of the middle, on an image three times as wide as high
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="100"><rect width="300" height="100" fill="#ddd"/><circle cx="130" cy="50" r="20" fill="#c00"/><circle cx="170" cy="50" r="20" fill="#00c"/></svg>'
  await sharp(Buffer.from(svg)).png().toFile(wide)
  await writeFile(damaged, (await sharp(wide).jpeg().toBuffer()).subarray(0, 700))
  explainer = await loadExplainer(model)
})
afterAll(() => explainer.close())

describe('loadExplainer', () => {
  it('explains the class that predict gives, with the same probabilities', async () => {
    const explained = await explainer.explain(wide)
    for await (const predicted of predict(model, [wide], { top: 3 })) {
      const scores = 'scores' in predicted ? predicted.scores : []
      expect(explained.class).toBe(scores[0]!.class)
      for (const [i, { probability }] of scores.entries())
        expect(explained.scores[i]!.probability).toBeCloseTo(probability, 5)
    }
    expect(explained.map).toHaveLength(explained.side ** 2)
    expect(Math.max(...explained.map)).toBeCloseTo(1, 5)
  })

  it('explains any class, each by a map of its own, and bytes as well as files', async () => {
    const maps = new Map<string, string>()
    for (const name of model.classes) {
      const explained = await explainer.explain(await readFile(wide), name)
      expect(explained.class).toBe(name)
      maps.set([...explained.map].map(value => value.toFixed(3)).join(), name)
    }
    expect(maps.size).toBe(3)
  })

  it('draws the map over what the network saw, and dims the rest', async () => {
    const { data, info } = await sharp(await (await explainer.explain(wide)).overlay())
      .raw()
      .toBuffer({ resolveWithObject: true })
    expect([info.format, info.width, info.height, info.channels]).toEqual(['raw', 300, 100, 3])
    const grays = (x: number) => [...data.subarray(3 * (50 * 300 + x), 3 * (50 * 300 + x) + 3)]
    // 64 of 73 pixels of the short side, in the middle
    for (const x of [0, 50, 105, 195, 299]) expect(grays(x)).toEqual([77, 77, 77])
    expect(grays(107)).not.toEqual([77, 77, 77])
    expect(grays(192)).not.toEqual([77, 77, 77])
  })

  it('answers several at once, each its own', async () => {
    const [first, second] = await Promise.all(['ant', 'bee'].map(name => explainer.explain(wide, name)))
    expect([first!.class, second!.class]).toEqual(['ant', 'bee'])
    expect(second!.map).toEqual((await explainer.explain(wide, 'bee')).map)
  })

  it('says what is wrong with an image or a class', async () => {
    await expect(explainer.explain(damaged)).rejects.toThrow(/damaged.jpg cannot be decoded \(truncated JPEG\)/)
    await expect(explainer.explain(wide, 'beee')).rejects.toThrow("there is no class 'beee'; did you mean 'bee'?")
    await expect(explainer.explain(wide, 'elephant')).rejects.toThrow(
      "there is no class 'elephant'. It has 3: ant, bee, cat",
    )
  })
})
