/** A classifier that is kept ready says what predict says, of paths, bytes and streams, many at once. */
import { createReadStream } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RegraftError } from '../base/errors.js'
import { temporaryFolder } from '../base/folder.testing.js'
import { imageFolder } from '../data/index.js'
import { demoShapes } from '../examples/pictogramShapes.js'
import { drawPictograms } from '../examples/pictograms.js'
import { train } from '../training/index.js'
import { type Classifier, ImageTooLarge, loadClassifier, predict } from './index.js'
import { randomModel } from './randomModel.testing.js'

const at = temporaryFolder()
const model = randomModel('resnet18-narrow', ['ant', 'bee', 'cat'], 64)
const paths = Array.from({ length: 40 }, (_, i) => at(`${i}.png`))
const batches: number[] = []
let classifier: Classifier

beforeAll(async () => {
  for (const [i, path] of paths.entries()) {
    const background = { r: (37 * i) % 256, g: (91 * i) % 256, b: 255 - 6 * i }
    await sharp({ create: { width: 60 + i, height: 90 - i, channels: 3, background } })
      .png()
      .toFile(path)
  }
  classifier = await loadClassifier(model, { maxPixels: 10_000, onBatch: images => batches.push(images) })
})
afterAll(() => classifier.dispose())

const near = (found: readonly { class: string; probability: number }[]) =>
  found.map(score => ({ class: score.class, probability: expect.closeTo(score.probability, 5) }))

describe('loadClassifier', () => {
  it('answers forty at once as predict does, by runs that images share', async () => {
    const found = await Promise.all(paths.map(path => classifier.predict(path)))
    let i = 0
    for await (const expected of predict(model, paths))
      expect(found[i++]).toEqual('scores' in expected ? near(expected.scores) : undefined)
    expect(i).toBe(40)
    expect(batches.reduce((sum, images) => sum + images, 0)).toBe(40)
    expect(batches).toContain(16)
  })

  it('computes sixteen that are asked together in one run: none is left behind for a run of its own', async () => {
    for (let time = 0; time < 5; time++) {
      const before = batches.length
      await Promise.all(paths.slice(0, 16).map(path => classifier.predict(path)))
      expect(batches.slice(before)).toEqual([16])
    }
  })

  it('takes paths, bytes and streams, and gives as many classes as are asked for', async () => {
    const [path] = paths as [string]
    const expected = near(await classifier.predict(path))
    expect(expected).toHaveLength(3)
    expect(await classifier.predict(await readFile(path))).toEqual(expected)
    expect(await classifier.predict(createReadStream(path))).toEqual(expected)
    expect(await classifier.predict(path, { top: 1 })).toEqual(expected.slice(0, 1))
  })

  it('says why an image cannot be read, and goes on with the others', async () => {
    const damaged = at('damaged.png')
    await writeFile(damaged, (await readFile(paths[0]!)).subarray(0, -20))
    const huge = await sharp({ create: { width: 101, height: 100, channels: 3, background: 'red' } })
      .png()
      .toBuffer()
    const results = await Promise.allSettled([
      classifier.predict(damaged),
      classifier.predict(at('nowhere.png')),
      classifier.predict(huge),
      classifier.predict(Buffer.from('<html>')),
      classifier.predict(paths[1]!),
    ])
    const told = results.map(result => (result.status === 'rejected' ? String(result.reason.message) : 'scores'))
    expect(told).toEqual([
      `${damaged} cannot be decoded (truncated PNG); try another image`,
      `${at('nowhere.png')} cannot be decoded (the file is not there); try another image`,
      'the image cannot be decoded (more than 0.01 million pixels); make it smaller',
      'the image cannot be decoded (a web page, not an image); try another image',
      'scores',
    ])
    expect(results[2]).toMatchObject({ reason: expect.any(ImageTooLarge) })
  })

  it('refuses what is no image and no number of classes, in words', async () => {
    const refusal = (image: unknown, top?: number) =>
      classifier.predict(image as string, top === undefined ? {} : { top }).then(
        () => 'scores',
        error => (error instanceof RegraftError ? error.message : String(error)),
      )
    const kinds = 'an image is the path of a file, its bytes (a Uint8Array or Buffer) or a stream of them, not '
    const { buffer } = new Uint8Array(8)
    expect(await Promise.all([undefined, null, 5, [1], buffer, new Blob([])].map(given => refusal(given)))).toEqual(
      ['undefined', 'object', 'number', 'Array', 'ArrayBuffer', 'Blob'].map(kind => kinds + kind),
    )
    const text = async function* () {
      yield 'abc'
    }
    expect(await refusal(text())).toBe('a stream of an image gives bytes (Uint8Array or Buffer), not string')
    for (const top of [0, -1, 1.5, Number.NaN])
      expect(await refusal(paths[0], top)).toBe(`top is ${top}; it says how many classes are given, from 1 on`)
  })

  it('waits no longer for a stream that gives nothing, once it is called off', async () => {
    const own = await loadClassifier(model)
    const off = new AbortController()
    const silent = async function* (): AsyncGenerator<Uint8Array> {
      yield await new Promise<Uint8Array>(() => {})
    }
    const asked = own.predict(silent(), { signal: off.signal })
    setImmediate(() => off.abort(new Error('called off')))
    await expect(asked).rejects.toThrow('called off')
    await own.dispose()
  })

  it('leaves out what was called off, and holds places for the rest', async () => {
    const off = new AbortController()
    const answers = Array.from({ length: 200 }, (_, i) =>
      classifier.predict(paths[i % 40]!, i % 2 ? { signal: off.signal } : {}),
    )
    off.abort(new Error('called off'))
    const settled = await Promise.allSettled(answers)
    expect(settled.filter(({ status }, i) => i % 2 === 0 && status === 'fulfilled')).toHaveLength(100)
    expect(settled.filter(({ status }, i) => i % 2 === 1 && status === 'rejected')).toHaveLength(100)
  })

  it('finishes what was asked for when it is disposed, and then says so', async () => {
    const own = await loadClassifier(model)
    const asked = paths.map(path => own.predict(path, { top: 1 }))
    await Promise.all([own.dispose(), own.dispose()])
    expect(await Promise.all(asked)).toHaveLength(40)
    await expect(own.predict(paths[0]!)).rejects.toThrow('the classifier was disposed; load it again')
  })

  it("divides logits by the run's temperature, unless told not to", async () => {
    const shapes = Object.fromEntries(['house', 'key'].map(name => [name, demoShapes[name]!]))
    await drawPictograms(at('images'), { shapes, imagesPerClass: 40, size: 64, seed: 1 })
    const options = {
      network: 'resnet18-narrow',
      lrBackbone: 0,
      lrHead: 0.01,
      epochs: 4,
      split: '1:1:1',
      run: at('run'),
    } as const
    await train(await imageFolder(at('images')), options)
    // As of a network that was too sure of its validation images
    const temperature = 1.7
    const description = JSON.parse(await readFile(at('run/model/model.json'), 'utf8'))
    await writeFile(at('run/model/model.json'), JSON.stringify({ ...description, temperature }))
    const [calibrated, plain] = [
      await loadClassifier(at('run')),
      await loadClassifier(at('run'), { calibration: false }),
    ]
    expect([calibrated.temperature, plain.temperature]).toEqual([temperature, 1])
    // Of two classes, the logits' difference is what the probabilities' ratio is the exponential of
    const difference = async (own: Classifier) => {
      const [first, second] = await own.predict(paths[0]!)
      return Math.log(first!.probability / second!.probability)
    }
    expect((await difference(calibrated)) * temperature).toBeCloseTo(await difference(plain), 4)
    // The model folder is all that has to be shipped
    await rename(at('run/model'), at('shipped'))
    const shipped = await loadClassifier(at('shipped'))
    expect(shipped.temperature).toBe(temperature)
    await Promise.all([calibrated.dispose(), plain.dispose(), shipped.dispose()])
  })
})
