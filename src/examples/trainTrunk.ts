/** The recipe of the trunk that ships with the project: a narrow ResNet-18 trained on pictograms that the demonstration does not use. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { imageFolder, readModel, train } from '../index.js'
import { networkGraph, networkNamed, stateShapes } from '../models/index.js'
import { writeSafetensors } from '../weights/index.js'
import { trunkShapes } from './pictogramShapes.js'
import { drawPictograms } from './pictograms.js'

const folder = await mkdtemp(join(tmpdir(), 'regraft-trunk-'))
const images = join(folder, 'images')
await drawPictograms(images, { shapes: trunkShapes, imagesPerClass: 240, size: 80, seed: 1 })
const { result } = await train(
  await imageFolder(images),
  {
    network: 'resnet18-narrow',
    weights: 'none',
    size: 64,
    epochs: 24,
    batchSize: 64,
    lrBackbone: 0.1,
    lrHead: 0.1,
    schedule: 'cosine',
    warmupEpochs: 1,
    run: join(folder, 'run'),
  },
  {
    onEvent: event => {
      if (event.type !== 'epoch') return
      const { epoch, train: own, validation } = event.record
      console.log(
        `epoch ${epoch}: loss ${own.loss.toFixed(3)}, validation accuracy ${(100 * (validation?.top1 ?? 0)).toFixed(1)} %`,
      )
    },
  },
)
const { values } = await readModel(join(folder, 'run'))
const network = networkNamed('resnet18-narrow')
const shapes = stateShapes(networkGraph(network, { classes: 1, batch: 1 }))
const trunk = new Map(
  [...shapes]
    .filter(([name]) => !name.startsWith(`${network.head}.`))
    .map(([name, shape]) => [name, { shape, values: values.get(name) as Float32Array }]),
)
const target = fileURLToPath(new URL('../../assets/demo-trunk.safetensors', import.meta.url))
await writeSafetensors(target, trunk, {
  format: 'pt',
  origin: `regraft's own trainTrunk.ts: ${Object.keys(trunkShapes).length} classes of drawn pictograms`,
})
await rm(folder, { recursive: true })
console.log(
  `test accuracy on the trunk's own classes ${(100 * (result.test?.top1 ?? 0)).toFixed(1)} %; wrote ${target}`,
)
