/** The loader: the same numbers whatever the threads and the cache, nothing lost, clear errors; and the check before training. */
import { afterAll, describe, expect, test } from 'vitest'
import { withSize } from '../../base/preprocessing.js'
import { checkImages } from '../checks/check.js'
import type { Dataset } from '../dataset.js'
import { decodeFile } from '../decode/decode.js'
import { evaluationCrop, normalisation, normalise } from '../decode/transform.js'
import { imagenet, jpeg, picture, temporaryFolder, writeFiles } from '../fixtures.testing.js'
import { imageFolder } from '../folders/imageFolder.js'
import { type BatchOptions, createLoader, type Loader, type LoaderOptions } from './loader.js'

const preprocessing = withSize(imagenet, 32)
const imageLength = 3 * 32 * 32

const root = await temporaryFolder()
for (let i = 0; i < 11; i++) {
  await writeFiles(root, { [`${'abc'[i % 3]}/${i}.jpg`]: await jpeg(i, 60 + 7 * i, 50 + 3 * i) })
}
const dataset = await imageFolder(root)
const all = [...dataset.samples.keys()]

const open: Loader[] = []
afterAll(() => Promise.all(open.map(loader => loader.close())))

function loaderOf(options: Partial<LoaderOptions> = {}, data: Dataset = dataset): Loader {
  const loader = createLoader(data, { preprocessing, threads: 2, seed: 7, augment: 'crop-flip', ...options })
  open.push(loader)
  return loader
}

/** All batches, copied, since each is valid only until the next. */
async function collect(loader: Loader, options: Partial<BatchOptions> = {}, indices: readonly number[] = all) {
  const batches = []
  for await (const { images, labels, count, indices: places } of loader.batches(indices, {
    batchSize: 4,
    ...options,
  })) {
    batches.push({ images: images.slice(), labels: [...labels], count, indices: [...places] })
  }
  return batches
}

/** The input of each image, by index. */
async function byIndex(loader: Loader, options: Partial<BatchOptions> = {}, indices: readonly number[] = all) {
  const inputs = new Map<number, Float32Array>()
  for (const batch of await collect(loader, options, indices)) {
    for (let i = 0; i < batch.count; i++) {
      inputs.set(batch.indices[i]!, batch.images.slice(i * imageLength, (i + 1) * imageLength))
    }
  }
  return inputs
}

describe('batches', () => {
  test('hold every image once, in order, and pad the last batch with zeros', async () => {
    const order = [10, 3, 5, 0, 1, 2, 4, 9, 8, 7, 6]
    const batches = await collect(loaderOf(), {}, order)
    expect(batches.map(({ count }) => count)).toEqual([4, 4, 3])
    expect(batches.flatMap(({ indices }) => indices)).toEqual([...order, -1])
    expect(batches.flatMap(({ labels }) => labels)).toEqual([...order.map(i => dataset.samples[i]!.label), 0])
    const last = batches[2]!.images
    expect(last.length).toBe(4 * imageLength)
    expect(last.subarray(3 * imageLength).every(value => value === 0)).toBe(true)
    expect(last.subarray(2 * imageLength, 3 * imageLength).some(value => value !== 0)).toBe(true)
  })

  test('leave out the last one where asked to', async () => {
    const batches = await collect(loaderOf(), { dropLast: true })
    expect(batches.map(({ count }) => count)).toEqual([4, 4])
  })

  test('no images, no batches', async () => {
    expect(await collect(loaderOf(), {}, [])).toEqual([])
  })

  test('hold the evaluation transform, normalised', async () => {
    const inputs = await byIndex(loaderOf())
    for (const index of [0, 10]) {
      const { pixels } = evaluationCrop(await decodeFile(`${root}/${dataset.samples[index]!.path}`), preprocessing)
      const expected = new Float32Array(imageLength)
      normalise({ pixels, flipped: false }, 32, normalisation(preprocessing), expected)
      expect(inputs.get(index)).toEqual(expected)
    }
  })

  test('are prepared ahead into their own memory', async () => {
    const batches = loaderOf().batches(all, { batchSize: 2 })
    const first = (await batches.next()).value!
    const copy = first.images.slice()
    await new Promise(resolve => setTimeout(resolve, 300))
    expect(first.images).toEqual(copy)
    await batches.return()
  })
})

describe('the same numbers', () => {
  const training = { training: true, epoch: 3 }

  // What the others are compared with
  const cropLoader = loaderOf()
  const plainLoader = loaderOf({ augment: 'none' })

  test('whatever the threads, the order, the batch size and the cache', async () => {
    const reference = await byIndex(loaderOf({ threads: 1, cacheBytes: 0 }), training)
    const cached = loaderOf({ threads: 3 })
    expect(await byIndex(cached, { ...training, batchSize: 3 })).toEqual(reference)
    expect(cached.cached().images).toBe(11)
    expect(await byIndex(cached, training, all.toReversed())).toEqual(new Map([...reference].reverse()))
    expect(await byIndex(loaderOf({ cacheBytes: 60_000 }), training)).toEqual(reference)
  })

  test('differ between epochs, seeds and images', async () => {
    const loader = loaderOf()
    const reference = await byIndex(loader, training)
    const other = await byIndex(loader, { training: true, epoch: 4 })
    const otherSeed = await byIndex(loaderOf({ seed: 8 }), training)
    for (const index of all) {
      expect(other.get(index)).not.toEqual(reference.get(index))
      expect(otherSeed.get(index)).not.toEqual(reference.get(index))
    }
  })

  for (const options of [
    { augment: 'trivial' },
    { augment: 'crop-flip', colorJitter: 0.4 },
    { augment: 'none', randomErasing: 1 },
    { augment: 'trivial', colorJitter: 0.2, randomErasing: 0.5 },
  ] as const) {
    test(`${Object.entries(options).join(' ').replaceAll(',', ' ')}: the same whatever the threads, order and cache`, async () => {
      const plain = await byIndex(options.augment === 'none' ? plainLoader : cropLoader, { training: true })
      const cached = loaderOf(options)
      const first = await byIndex(cached, { training: true })
      expect(await byIndex(cached, { training: true, batchSize: 3 }, [...all].reverse())).toEqual(
        new Map([...first].reverse()),
      )
      expect(await byIndex(loaderOf({ ...options, threads: 1, cacheBytes: 0 }), { training: true })).toEqual(first)
      expect(first).not.toEqual(plain)
      expect(await byIndex(cached, { training: true, epoch: 1 })).not.toEqual(first)
      // Evaluation never varies
      expect(await byIndex(cached)).toEqual(await byIndex(cropLoader))
    })
  }

  test('without augmentation training sees the evaluation transform', async () => {
    expect(await byIndex(plainLoader, training)).toEqual(await byIndex(plainLoader))
  })
})

describe('the cache', () => {
  test('keeps within its budget', async () => {
    const loader = loaderOf({ cacheBytes: 32 * 32 * 3 * 4 + 100 })
    await byIndex(loader)
    expect(loader.cached()).toEqual({ images: 4, bytes: 32 * 32 * 3 * 4 })
  })

  test('is filled by the check: no file is read again', async () => {
    const copy = await temporaryFolder()
    await writeFiles(copy, { 'a/1.jpg': await jpeg(1), 'b/1.jpg': await jpeg(2), 'b/2.jpg': await jpeg(3) })
    const data = await imageFolder(copy)
    const loader = loaderOf({}, data)
    await checkImages(loader, { train: [0, 1], val: [2], test: [] })
    await writeFiles(copy, { 'a/1.jpg': 'gone', 'b/1.jpg': 'gone', 'b/2.jpg': 'gone' })
    expect(await collect(loader, { training: true }, [0, 1])).toHaveLength(1)
    expect(await collect(loader, {}, [2])).toHaveLength(1)
  })
})

describe('bad images', async () => {
  const folder = await temporaryFolder()
  const whole = await picture(200, 300).jpeg().toBuffer()
  await writeFiles(folder, {
    'accordion/1.jpg': await jpeg(1),
    'accordion/2.jpg': whole.subarray(0, whole.length - 500),
    'banjo/1.jpg': await jpeg(2),
    'banjo/2.jpg': '<!DOCTYPE html><p>not found</p>',
    'banjo/3.png': await jpeg(3),
  })
  const data = await imageFolder(folder)
  const split = { train: [0, 2, 3], val: [1], test: [4] }

  test('are named by the loader', async () => {
    const message = 'accordion/2.jpg cannot be decoded (truncated JPEG); remove it, or train with --skip-bad-images'
    await expect(collect(loaderOf({}, data), {}, [0, 1, 2])).rejects.toThrow(message)
    await expect(checkImages(loaderOf({}, data), { ...split, train: [0, 2] })).rejects.toMatchObject({
      code: 'data',
      message,
    })
  })

  test('are all found before training', async () => {
    const progress: number[] = []
    const check = checkImages(loaderOf({}, data), split, { onProgress: (done, total) => progress.push(done / total) })
    await expect(check).rejects.toThrow(
      '2 images cannot be decoded; remove them or pass --skip-bad-images:\n' +
        '  accordion/2.jpg (truncated JPEG)\n  banjo/2.jpg (a web page, not an image)',
    )
    expect(progress).toEqual([0.2, 0.4, 0.6, 0.8, 1])
  })

  test('are left out where asked to', async () => {
    const { split: rest, bad } = await checkImages(loaderOf({}, data), split, { skipBad: true })
    expect(rest).toEqual({ train: [0, 2], val: [], test: [4] })
    expect(bad.map(({ path }) => path)).toEqual(['accordion/2.jpg', 'banjo/2.jpg'])
  })

  test('must not be all that a class has', async () => {
    const onlyBad = { train: [0, 3], val: [], test: [] }
    await expect(checkImages(loaderOf({}, data), onlyBad, { skipBad: true })).rejects.toThrow(
      'class banjo has no training image that can be decoded',
    )
  })
})

describe('ending', () => {
  test('an aborted signal ends batches and check with its reason', async () => {
    const stop = new AbortController()
    const batches = loaderOf().batches(all, { batchSize: 2, signal: stop.signal })
    await batches.next()
    stop.abort(new Error('stopped by Ctrl-C'))
    await expect(batches.next()).rejects.toThrow('stopped by Ctrl-C')
    const check = checkImages(loaderOf(), { train: all, val: [], test: [] }, { signal: stop.signal })
    await expect(check).rejects.toThrow('stopped by Ctrl-C')
  })

  test('leaving the loop early is fine, and so is closing in between', async () => {
    const loader = loaderOf()
    for await (const batch of loader.batches(all, { batchSize: 2 })) {
      expect(batch.count).toBe(2)
      break
    }
    expect(await collect(loader)).toHaveLength(3)
    const waiting = collect(loader)
    waiting.catch(() => {})
    await loader.close()
    await expect(waiting).rejects.toThrow('closed')
  })
})
