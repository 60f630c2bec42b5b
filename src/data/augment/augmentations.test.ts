/** The operations of augmentation against values that Pillow 13 computed, and what random erasing and jitter promise. */
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { randomStream } from '../../base/random.js'
import type { RgbImage } from '../decode/decode.js'
import { rotate, shearX, shearY, translate } from './affine.js'
import { colorJitter, jitterOf, turnHue } from './colorJitter.js'
import { autocontrast, brightness, contrast, equalize, posterize, saturation, sharpness, solarize } from './pixelOps.js'
import { randomErasing } from './randomErasing.js'
import { trivialAugment } from './trivialAugment.js'

function image(width: number, height: number, pixel: (x: number, y: number) => readonly number[]): RgbImage {
  const pixels = new Uint8Array(width * height * 3)
  for (let i = 0; i < width * height; i++) pixels.set(pixel(i % width, Math.floor(i / width)), i * 3)
  return { width, height, pixels }
}

const small = image(7, 6, (x, y) => {
  const i = y * 7 + x
  return [((i * 37 + 11) % 200) + 20, (i * i * 5 + 3) % 256, ((i * 91 + x * 13) % 180) + 40]
})

const large = image(32, 32, (x, y) => [40 + ((x * x + y) % 97), 100 + ((x * y) % 60), (y * 3) % 50])

const operations: Readonly<Record<string, (image: RgbImage, value: number) => RgbImage>> = {
  posterize,
  solarize,
  autocontrast,
  brightness,
  contrast,
  saturation,
  sharpness,
  shearX,
  shearY,
  rotate,
  hue: turnHue,
}

/** The pixels that Pillow made of the 7 x 6 image: ImageOps, ImageEnhance, transform(AFFINE), rotate, HSV. */
const pillow = {
  'posterize 3':
    '0000204000806000408020a0a04060c080c020a06040e080604020a080a0c0e0402060c040c06060402080c020a0608000004020a0a06040608000c0a0c080c0a0802060404040a06040608020c0c020800040204040406060a0808060a0c0c0c0006020402040808060e0a0a04040c0c0c020206040a02060408080c040',
  'solarize 119':
    '1f032844086f6917447130534c5360277f373548835a077680433d5b675a36085926603e4b2c757050296a28364568611703523c574561576e791029542c752f5f682d884b52584c8843676338303e377c1e40374353446870537268604d3737280383344830596867810f5a5c5359373f3e2537754a47296f436e6b2745',
  autocontrast:
    '0a00003b05986c14299d2ec1ce5352ff82ea27bb7b58ff8e89421eba9bb7ebfd471360e044d870755001a6dc14d769ac00003d30abd5615766920dfec3d88ff4a3a21d78334d58cb7e425caf37f4e03685093f153a53296b71c19b9a52cccdeafd007b26470b579aa488f6b7b85347e9c4e012367043bc01744299a5dd2a',
  'brightness 1.33':
    '2903355a0abf8b1e5abc3fe4ee6e7fffaaff46f3a477ffb6a85951dacadbffff76327fff63ff9b946a36c6ff47f78ad21e036d4fdff7817392b215ffe3ffb7ffd4c83b9e636d75ee9e5988cf4affff49ae275549596e5a8a94e4bbc87fecffffff03a4455f3f76c8caa7ffdbd86e76ffffff31499b62f4369359c0c4ff5b',
  'brightness 0.33':
    '0a000d16022f2207162e0f383b1b1f472a42113c281d512d29161436323642511d0c1f3f184526241a0d3146113d223407001b13373d201c242c054638452d4434310e27181b1d3b2716213312443f122b091512161b162224382e311f3a424246002811170f1d3132294f36351b1d423f3f0c1226183c0d24162f304716',
  'contrast 1.66':
    '0000002400a26100249f03d0dc3d52ff87ff0be38148ff96862218c3afc5ffff470052f32fff756d3800aaff0de860b900003b17cae854436a9100ffcfff98ffbdae00782f3b45dc78225eb610fff30e8c001d0e223d24606dd09dae52daffffff0081092a0347aeaf84ffc5c23d47fff2f3000e752ee4006b22a4a9ff25',
  'contrast 0.4':
    '52465560487f6f4e607e588a8d666c9c78955a8e7769a87c78605e87828796a869546c92639a74726556819b5b906f844e46665d88906c68717b4c9b8a9a7c98858257756366688d75606e845c98925b7a515f5b6066606f728a7e826c8c95959b46775a625869828278a587866669959292545b74638f5672607f809c61',
  'saturation 1.8':
    '2b003b5900e2920050b70eede73b52ff64e500db710bff60a1352aa994abbdff000064ff07fb52854c057ef500e24fb01b008500c0e064527bb600ff9be35fec9585078c3d4650f4903373c612ffff0f970b48383b573c5e6cd88c9e3ba6cdcdff009f2b4f2435a5a745ff8bcf3f49ccbdbf1535a519df008031bd7bf500',
  'saturation 0.2':
    '130d142e223d3f2f3864516a7e6b6dad9caa789286a8c8b15c504f9e9c9ed4ddbd4f5b6e8faa975a544cabb89891808b130f1e7a90935d5b60563e66bbc3b4b4aaa85261585e5f715d535a715d7b7a5f6e3037354b4e4b71737f8d8f84bec2c26b40583c403c7c8888b6cdbe776768c4c2c23538457a90745d5464acba9d',
  'sharpness 1.9':
    '1f03284408906917448e30acb35360d880c835b77c5af8898c3323bfbdbeffff3f0050da2fff6870502995d736e358b700003820cdd35347549300ffabd38ad0a0970379314448cc77334da928f4ea27831e40374353445a60c59aaa46cdffedff007c0a380a5997987ef0a5a35359c8c0c12537754ab8296f439194d845',
  'sharpness 0.1':
    '1f03284408906917448e30acb35360d880c835b77c5af88971525688728b919c725d6fa7669b8170502995d7369077844e476b5782a06e66877842a4abd38ad0a0975674645f67997752808e47a99746831e4037435344757f927f83799690a29f357c5d57555997987ef0a5a35359c8c0c12537754ab8296f439194d845',
  'shearX 0.66':
    '1f03284408906917448e30acb35360d880c835b77c7f433da498a5c9f7592660c14bd3757050290000001703523ca8ba61576e8610d6abd38a0000000000005258b37743679c38cfc137831e4037000000000000b2c8c8d7037c3448305997980000000000000000004ab8296f439194d845000000000000000000000000',
  'shearX -0.33':
    '1f03284408906917448e30acb35360d880c835b77c5af8897f433da498a5c9f7592660c14bd37570502900000095d736ba689e1703523ca8ba61576e8610d6000000d0a0972d774b5258b37743679c38cfc137830000004353446870ac8d9760b2c8c8d7037c3448300000000000007ef0a5a35359c8c0c12537754ab829',
  'shearY 0.495':
    '1f03287f433da498a53ca8ba61576ec137831e40375af889ba689e1703527743679c38cf34483059979895d7362d774b5258b3b2c8c8d7037c6f439194d845d0a0976870ac8d97602537754ab829000000000000435344a35359c8c0c10000000000000000000000007ef0a5000000000000000000000000000000000000',
  'translate 2,-1':
    '0000000000005af8897f433da498a5c9f7592660c100000000000095d736ba689e1703523ca8ba61576e000000000000d0a0972d774b5258b37743679c38cf0000000000004353446870ac8d9760b2c8c8d7037c0000000000007ef0a5a35359c8c0c12537754ab829000000000000000000000000000000000000000000',
  'rotate 31.5':
    '0000000000008e30acb353604bd375705029000000440890691744c9f7592660c18610d68610d61e40377f433da498a51703523ca8ba9c38cfc137835997985af889ba689e1703527743679c38cfd7037c34483095d7362d774b2d774b8d9760b2c8c84ab8296f43910000004353446870acc8c0c1253775000000000000',
  'rotate -117':
    '000000c8c0c1a353596870acd0a09795d7360000000000002537758d97605258b3ba689e7f433d5af8894ab829253775b2c8c8774367170352a498a54408906f4391d7037c9c38cf3ca8bac9f7598e30ac691744599798344830c1378361576e2660c18e30ac0000000000001e4037abd38a4bd375d880c8b35360000000',
  'hue 0.2':
    '28030590083b694917ac3136b0b354d8a0813557b75aacf86d7f3da5999859f7a3a627c14b8ed33c702937d795ba9368520330663dba6e5760d6113b8ad3bfbdd0982d4b77b352a6775c43cf384dc18c371e2140434f53ac69a8619775b6b2c8d780033048486759987eb4f09ca353c8c8c072257529b8b391435745d8a6',
  'hue -0.37':
    '03281708902517576931ac735475b381d8d5b76035f8665a3d457f98a5a1f759ea81c127d3584b422970d737b768afba035205bab03d576e5c11d65bd38aba989ad0773b2d6db35243737738cf7c37a2c140301e53434580ac69966197c8c3b203add7483039988b59f08c7e536ca3c0c3c8497525b8296643915dd845b0',
}

describe('each operation gives what Pillow gives', () => {
  for (const [name, expected] of Object.entries(pillow)) {
    test(name, () => {
      const [operation = '', value] = name.split(' ')
      const result =
        operation === 'translate' ? translate(small, 2, -1) : operations[operation]!(small, Number(value ?? 0))
      expect(Buffer.from(result.pixels).toString('hex')).toBe(expected)
    })
  }

  test('equalize', () => {
    const { pixels } = equalize(large)
    expect([...pixels.subarray((5 * 32 + 7) * 3, (5 * 32 + 7) * 3 + 3)]).toEqual([214, 226, 107])
    expect(createHash('sha1').update(pixels).digest('hex')).toBe('7cc3e4e45ade95e1dda2d777bfb1cf1a4a9fa7db')
  })
})

test('a picture of one colour passes through autocontrast and equalize', () => {
  const plain = image(20, 20, () => [7, 90, 255])
  expect(autocontrast(plain).pixels).toEqual(plain.pixels)
  expect(equalize(plain).pixels).toEqual(plain.pixels)
})

describe('TrivialAugment', () => {
  test('draws all 14 operations and both signs, and never changes what it is given', () => {
    const before = large.pixels.slice()
    const results = new Set<string>()
    let unchanged = 0
    const count = 3000
    for (let i = 0; i < count; i++) {
      const result = trivialAugment(large, randomStream(i))
      results.add(Buffer.from(result.pixels).toString('base64'))
      if (Buffer.compare(result.pixels, before) === 0) unchanged++
    }
    expect(large.pixels).toEqual(before)
    // Nine signed operations with 30 strengths each side, shifts of whole pixels, six to thirty of the others
    expect(results.size).toBeGreaterThan(400)
    // Identity, strength 0, full bits; solarize's and posterize's first bins leave this image as it is
    expect(unchanged / count).toBeGreaterThan(1 / 14)
    expect(unchanged / count).toBeLessThan(0.22)
  })

  test('is the same for the same stream', () => {
    for (let i = 0; i < 20; i++) {
      expect(trivialAugment(large, randomStream(i))).toEqual(trivialAugment(large, randomStream(i)))
    }
  })
})

describe('colour jitter', () => {
  test('stays within its ranges: factors of a gray image lie between 1 - s and 1 + s', () => {
    const gray = image(4, 4, () => [100, 100, 100])
    const values = Array.from({ length: 400 }, (_, i) => colorJitter(gray, jitterOf(0.4), randomStream(i)).pixels[0]!)
    expect(Math.min(...values)).toBeGreaterThanOrEqual(60)
    expect(Math.max(...values)).toBeLessThanOrEqual(140)
    expect(Math.min(...values)).toBeLessThan(65)
    expect(Math.max(...values)).toBeGreaterThan(135)
  })

  test('strength 0 changes nothing but what the way through 8-bit hues costs', () => {
    const { pixels } = colorJitter(large, jitterOf(0), randomStream(1))
    expect(pixels).toEqual(turnHue(large, 0).pixels)
  })
})

describe('random erasing', () => {
  const size = 40
  const erased = (probability: number, seed: number) => {
    const input = new Float32Array(3 * size * size).fill(1)
    randomErasing(input, size, probability, randomStream(seed))
    return input
  }

  test('makes one rectangle zero, the same in all channels, of 2 to 33 % of the area', () => {
    for (let seed = 0; seed < 200; seed++) {
      const input = erased(1, seed)
      const zeros = [...input.subarray(0, size * size).keys()].filter(i => input[i] === 0)
      const xs = zeros.map(i => i % size)
      const ys = zeros.map(i => Math.floor(i / size))
      const width = Math.max(...xs) - Math.min(...xs) + 1
      const height = Math.max(...ys) - Math.min(...ys) + 1
      expect(zeros.length).toBe(width * height)
      for (const plane of [1, 2]) {
        expect(input.subarray(plane * size * size, (plane + 1) * size * size)).toEqual(input.subarray(0, size * size))
      }
      // Sides are rounded to whole pixels
      expect(zeros.length / size ** 2).toBeGreaterThan(0.015)
      expect(zeros.length / size ** 2).toBeLessThan(0.36)
    }
  })

  test('happens with its probability', () => {
    const share =
      Array.from({ length: 1000 }, (_, seed) => erased(0.25, seed).includes(0)).filter(Boolean).length / 1000
    expect(share).toBeGreaterThan(0.2)
    expect(share).toBeLessThan(0.3)
    expect(erased(0, 1).includes(0)).toBe(false)
  })
})
