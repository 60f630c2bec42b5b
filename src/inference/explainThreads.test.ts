/** What an explainer's threads keep of an image until its picture is asked for. */
import sharp from 'sharp'
import { afterAll, expect, it } from 'vitest'
import { createExplainThreads } from './explainThreads.js'
import { randomModel } from './randomModel.testing.js'

const { preprocessing } = randomModel('resnet18-narrow', ['ant', 'bee'], 64)
const threads = createExplainThreads(preprocessing, undefined)
afterAll(() => threads.close())

it('keeps of a large photograph no more than its picture shows, and draws on that as often as it is asked', async () => {
  const photograph = await sharp({ create: { width: 6000, height: 3000, channels: 3, background: 'teal' } })
    .png()
    .toBuffer()
  const { picture, input } = await threads.decode(photograph)
  expect([picture.width, picture.height, picture.pixels.length]).toEqual([1024, 512, 3 * 1024 * 512])
  expect(input).toHaveLength(3 * 64 * 64)
  const map = Float32Array.from([0, 1, 0.5, 0])
  const [first, second] = [await threads.draw(picture, map, 2), await threads.draw(picture, map, 2)]
  expect(second).toEqual(first)
  expect(await sharp(first).metadata()).toMatchObject({ format: 'png', width: 1024, height: 512 })
})
