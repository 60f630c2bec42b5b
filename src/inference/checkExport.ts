/** Runs an exported file in ONNX Runtime, by itself, and compares what it gives with the engine. */
import type { Preprocessing } from '../base/preprocessing.js'
import { randomStream } from '../base/random.js'
import { evaluationCrop, normalisation, normalise, type RgbImage } from '../data/index.js'
import { chooseEngine, type OnnxParts, openModel } from '../engines/index.js'
import { networkGraph, networkNamed } from '../models/index.js'
import { compileInference, type Model, softmax } from '../training/index.js'
import { decoded, imagesOf, spread } from './runImages.js'

/** Images that are compared. */
const IMAGES = 16

/** What was compared, and how far the file was from the engine. */
export interface ExportCheck {
  readonly images: number
  /** Of which part of the run's split they are; none: its images are not there, and random ones took their place. */
  readonly part?: 'train' | 'val' | 'test'
  /** The largest difference of a number of the output. */
  readonly difference: number
  /** The largest number of the output. */
  readonly largest: number
}

/** @throws RegraftError('engine') where ONNX Runtime refuses the file */
export async function checkExport(
  run: string,
  model: Model,
  path: string,
  { preprocessing, temperature }: OnnxParts,
): Promise<ExportCheck> {
  const { classes, network, values } = model
  const found = await imagesOf(run, ['test', 'val', 'train'])
  const real = await decoded(spread(found?.paths ?? [], IMAGES))
  const images = real.length > 0 ? real : randomImages(model.preprocessing)
  const { size } = model.preprocessing
  const length = 3 * size * size
  const inputs = new Float32Array(images.length * length)
  const crops = images.map(image => evaluationCrop(image, model.preprocessing))
  const tables = normalisation(model.preprocessing)
  for (const [i, { pixels }] of crops.entries())
    normalise({ pixels, flipped: false }, size, tables, inputs.subarray(i * length, (i + 1) * length))
  const graph = networkGraph(networkNamed(network), { classes: classes.length, batch: images.length, size })
  const inference = await compileInference(chooseEngine('auto', graph), graph, {})
  let logits: Float32Array
  try {
    await inference.write(values)
    logits = await inference.run(inputs)
  } finally {
    await inference.program.dispose()
  }
  const rows = images.map((_, i) => logits.subarray(i * classes.length, (i + 1) * classes.length))
  const expected = rows.flatMap(row =>
    temperature === undefined ? [...row] : [...softmax(row.map(value => value / temperature))],
  )
  const file = await openModel(path)
  try {
    const results = preprocessing
      ? await one(images, ({ width, height, pixels }) =>
          file.run({ image: { type: 'uint8', shape: [height, width, 3], data: new Uint8Array(pixels) } }),
        )
      : [await file.run({ images: { type: 'float32', shape: [images.length, 3, size, size], data: inputs } })]
    const given = results.flatMap(outputs => [...(Object.values(outputs)[0] as Float32Array)])
    const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    const difference = expected.reduce((most, value, i) => {
      const away = Math.abs(value - given[i]!)
      // A number that is none is as far away as can be
      return Number.isFinite(away) ? Math.max(most, away) : Number.POSITIVE_INFINITY
    }, 0)
    return { images: images.length, ...(real.length > 0 && found ? { part: found.part } : {}), difference, largest }
  } finally {
    file.close()
  }
}

/** One after another. */
async function one<Item, Result>(items: readonly Item[], work: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = []
  for (const item of items) results.push(await work(item))
  return results
}

/** Patches of random colours, of two shapes, where there are no real images. */
function randomImages({ resize }: Preprocessing): RgbImage[] {
  return [0, 1, 2, 3].map(i => {
    const random = randomStream(0, 'check', i)
    const [width, height] = i % 2 === 0 ? [resize + 40, resize + 7] : [resize - 9, resize + 60]
    const colours = Uint8Array.from({ length: 3 * 64 }, () => random.integer(256))
    const pixels = Uint8Array.from({ length: 3 * width * height }, (_, at) => {
      const [x, y] = [Math.floor(at / 3) % width, Math.floor(at / (3 * width))]
      return colours[3 * (8 * Math.floor((8 * y) / height) + Math.floor((8 * x) / width)) + (at % 3)]!
    })
    return { width, height, pixels }
  })
}
