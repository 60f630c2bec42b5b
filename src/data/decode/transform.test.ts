/** Transforms: the evaluation crop is PIL's, the augmentation is torchvision's and depends on its stream alone. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import sharp, { type Sharp } from 'sharp'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { preprocessingSchema, withSize } from '../../base/preprocessing.js'
import { randomStream } from '../../base/random.js'
import { sharedPath } from '../../base/shared.js'
import { imagenet, meanDifference, picture } from '../fixtures.testing.js'
import { decodeFile, type RgbImage } from './decode.js'
import { resample } from './resample.js'
import {
  augment,
  augmentationSource,
  defaultCropFlip,
  evaluationCrop,
  evaluationPlan,
  normalisation,
  normalise,
  randomCrop,
  resizedTo,
} from './transform.js'

async function rgb(image: Sharp): Promise<RgbImage> {
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true })
  return { width: info.width, height: info.height, pixels: data }
}

const golden = sharedPath('golden/transforms/index.json')
const images = sharedPath('data/101_ObjectCategories')
const indexSchema = z.array(z.object({ image: z.string(), expected: z.string() }))

describe.skipIf(!golden || !images)(
  `evaluation crops against PIL${golden && images ? '' : ' (skipped: needs ../shared/golden/transforms)'}`,
  () => {
    const none = [{ image: '12 images', expected: '' }]
    const entries = golden ? indexSchema.parse(JSON.parse(readFileSync(golden, 'utf8'))) : none
    for (const { image, expected } of entries) {
      test(image, async () => {
        const crop = evaluationCrop(await decodeFile(join(images!, image)), imagenet)
        const pil = await decodeFile(join(golden!, '..', expected))
        // The kernel and its rounding are PIL's; what is left is the JPEG decoders' difference
        expect(meanDifference(crop.pixels, pil.pixels)).toBeLessThan(0.1)
      })
    }
  },
)

describe('evaluation transform', () => {
  test('sizes and offsets are torchvision’s', () => {
    expect(resizedTo(300, 197, 256)).toEqual({ width: 389, height: 256 })
    expect(resizedTo(197, 300, 256)).toEqual({ width: 256, height: 389 })
    // (389 - 224) / 2 = 82.5 and (391 - 224) / 2 = 83.5: Python rounds a half to the even neighbour
    expect(evaluationPlan(300, 197, imagenet).window).toMatchObject({ x: 82, y: 16 })
    expect(evaluationPlan(196, 300, imagenet).window).toMatchObject({ x: 16, y: 84 })
  })

  for (const interpolation of ['bilinear', 'bicubic'] as const) {
    test(`${interpolation} reduction agrees with libvips`, async () => {
      const image = await rgb(picture(701, 503))
      const crop = evaluationCrop(image, { ...imagenet, interpolation })
      const { width, height, window } = evaluationPlan(701, 503, imagenet)
      const kernel = interpolation === 'bilinear' ? 'linear' : 'cubic'
      const resized = picture(701, 503).resize(width, height, { fit: 'fill', kernel })
      const theirs = await rgb(
        sharp((await rgb(resized)).pixels, { raw: { width, height, channels: 3 } }).extract({
          left: window.x,
          top: window.y,
          width: 224,
          height: 224,
        }),
      )
      expect(meanDifference(crop.pixels, theirs.pixels)).toBeLessThan(1)
    })
  }

  test('bicubic weights are those of a = -0.5', () => {
    const row = [100, 100, 100, 100, 200, 100, 100, 100, 100].flatMap(value => [value, value, value])
    const image = { width: 9, height: 1, pixels: Uint8Array.from(row) }
    const window = { x: 4, y: 0, width: 10, height: 1 }
    const source = { x: 0, y: 0, width: 9, height: 1 }
    const out = new Uint8Array(30)
    resample(image, { source, width: 18, height: 1, window, interpolation: 'bicubic' }, out)
    expect([...out].filter((_, i) => i % 3 === 0)).toEqual([100, 98, 93, 123, 187, 187, 123, 93, 98, 100])
  })

  test('the same size changes nothing, a constant stays constant', async () => {
    const image = await rgb(picture(50, 40))
    for (const interpolation of ['bilinear', 'bicubic'] as const) {
      const whole = { x: 0, y: 0, width: 50, height: 40 }
      const same = new Uint8Array(image.pixels.length)
      resample(image, { source: whole, width: 50, height: 40, window: whole, interpolation }, same)
      expect(same).toEqual(new Uint8Array(image.pixels))
      const gray = { width: 33, height: 77, pixels: new Uint8Array(33 * 77 * 3).fill(201) }
      expect(new Set(evaluationCrop(gray, { ...imagenet, interpolation }).pixels)).toEqual(new Set([201]))
    }
  })

  test('a step stays within 0 and 255 where cubic weights overshoot', () => {
    const pixels = new Uint8Array(20 * 20 * 3).map((_, i) => ((i / 3) % 20 < 10 ? 0 : 255))
    const crop = evaluationCrop({ width: 20, height: 20, pixels }, { ...imagenet, interpolation: 'bicubic' })
    const row = Array.from({ length: 224 }, (_, x) => crop.pixels[x * 3]!)
    expect(row).toEqual(row.toSorted((a, b) => a - b))
  })

  test('squash shows all of an image, as PIL’s resize((size, size)) does', async () => {
    const image = await rgb(picture(90, 40))
    const squash = { ...imagenet, crop: 'squash', resize: imagenet.size } as const
    const { size } = imagenet
    const source = { x: 0, y: 0, width: 90, height: 40 }
    const window = { x: 0, y: 0, width: size, height: size }
    const whole = new Uint8Array(size * size * 3)
    resample(image, { source, width: size, height: size, window, interpolation: 'bilinear' }, whole)
    expect(evaluationCrop(image, squash).pixels).toEqual(whole)
    // What differs from the centre crop is what that one leaves out; a square has nothing there
    const square = await rgb(picture(90, 90))
    expect(evaluationCrop(square, { ...imagenet, crop: 'squash' })).toEqual(evaluationCrop(square, imagenet))
    expect(evaluationPlan(90, 40, { ...imagenet, crop: 'squash' })).toMatchObject({
      width: 256,
      height: 256,
      window: { x: 16, y: 16 },
    })
  })

  test('one pixel and extreme aspect ratios', () => {
    for (const [width, height] of [
      [1, 1],
      [20_000, 1],
      [2, 9_000],
    ] as const) {
      const image = { width, height, pixels: new Uint8Array(width * height * 3).fill(77) }
      expect(new Set(evaluationCrop(image, imagenet).pixels)).toEqual(new Set([77]))
      augment(augmentationSource(image, imagenet), imagenet, defaultCropFlip, randomStream(1))
    }
  })
})

describe('augmentation', () => {
  test('crops lie in the image; area and ratio are in range unless nothing fits', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 900 }),
        fc.integer({ min: 1, max: 900 }),
        fc.nat(),
        (width, height, seed) => {
          const crop = randomCrop(width, height, defaultCropFlip, randomStream(seed))
          expect(Math.min(crop.x, crop.y)).toBeGreaterThanOrEqual(0)
          expect(Math.min(crop.width, crop.height)).toBeGreaterThanOrEqual(1)
          expect(crop.x + crop.width).toBeLessThanOrEqual(width)
          expect(crop.y + crop.height).toBeLessThanOrEqual(height)
          if (Math.min(width, height) < 50 || Math.max(width, height) > 1.3 * Math.min(width, height)) return
          const share = (crop.width * crop.height) / (width * height)
          expect(share).toBeGreaterThan(0.33)
          expect(crop.width / crop.height).toBeGreaterThan(0.72)
          expect(crop.width / crop.height).toBeLessThan(1.38)
        },
      ),
    )
  })

  test('a strip gives its centre, as torchvision’s fallback does', () => {
    expect(randomCrop(1000, 30, { scale: [1, 1], ratio: [3 / 4, 4 / 3] }, randomStream(0))).toEqual({
      x: 480,
      y: 0,
      width: 40,
      height: 30,
    })
  })

  test('half of the images are mirrored, exactly', async () => {
    const source = await rgb(picture(300, 200))
    const views = Array.from({ length: 200 }, (_, i) =>
      augment({ ...source, width: 1, height: 1 }, imagenet, defaultCropFlip, randomStream(i, 'flip')),
    )
    const flipped = views.filter(view => view.flipped).length
    expect(flipped).toBeGreaterThan(70)
    expect(flipped).toBeLessThan(130)
    const { pixels } = evaluationCrop(source, { ...imagenet, size: 8, resize: 8 })
    const tables = normalisation(imagenet)
    const [straight, mirrored] = [false, true].map(flip => {
      const out = new Float32Array(3 * 64)
      normalise({ pixels, flipped: flip }, 8, tables, out)
      return out
    })
    for (let row = 0; row < 24; row++) {
      expect(mirrored!.slice(row * 8, row * 8 + 8)).toEqual(straight!.slice(row * 8, row * 8 + 8).reverse())
    }
  })

  test('large images are reduced first, small ones are left alone', async () => {
    const small = await rgb(picture(300, 290))
    expect(augmentationSource(small, imagenet)).toBe(small)
    const { width, height } = augmentationSource(await rgb(picture(1000, 600)), imagenet)
    expect([width, height]).toEqual([491, 295])
  })
})

describe('preprocessing', () => {
  test('channels first, (pixel / 255 - mean) / std in float32', () => {
    const out = new Float32Array(12)
    const pixels = Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 255, 254, 253])
    normalise({ pixels, flipped: false }, 2, normalisation(imagenet), out)
    expect(out[3]).toBe(Math.fround((1 - 0.485) / 0.229))
    expect(out[4]).toBe(Math.fround((1 / 255 - 0.456) / 0.224))
    expect(out[8 + 1]).toBe(Math.fround((5 / 255 - 0.406) / 0.225))
  })

  test('EfficientNet-Lite’s (pixel - 127) / 128', () => {
    const lite = {
      ...imagenet,
      mean: [127 / 255, 127 / 255, 127 / 255],
      std: [128 / 255, 128 / 255, 128 / 255],
    } as const
    const [red] = normalisation(lite)
    for (const value of [0, 1, 127, 200, 255]) expect(red[value]).toBeCloseTo((value - 127) / 128, 6)
  })

  test('the schema checks what a file says', () => {
    expect(preprocessingSchema.parse(JSON.parse(JSON.stringify(imagenet)))).toEqual(imagenet)
    expect(preprocessingSchema.safeParse({ ...imagenet, std: [0, 1, 1] }).success).toBe(false)
    expect(preprocessingSchema.safeParse({ ...imagenet, resize: 200 }).success).toBe(false)
    expect(withSize(imagenet, 192)).toMatchObject({ size: 192, resize: 219 })
  })
})
