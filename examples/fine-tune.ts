/** Fine-tunes a network on a folder of class folders, says what two images show, and exports the model. */
import { join } from 'node:path'
import { exportOnnx, imageFolder, predict, type TrainingOptions, train } from 'regraft'

const [folder = 'photos', run = 'runs/photos', network = 'mobilenet_v2'] = process.argv.slice(2)
const data = await imageFolder(folder)
console.log(`${data.samples.length} images of ${data.classes.join(', ')}`)

const options: TrainingOptions = {
  network,
  run,
  epochs: 5,
  batchSize: 16,
  lrBackbone: 1e-3, // the pretrained trunk moves little,
  lrHead: 1e-2, // the new last layer much
  schedule: 'cosine',
}
const { result } = await train(data, options, {
  onEvent: event => {
    if (event.type === 'epoch')
      console.log(`epoch ${event.record.epoch}: ${(100 * (event.record.validation?.top1 ?? 0)).toFixed(1)} %`)
    if (event.type === 'warning') console.warn(event.message)
  },
})
if (result.test) {
  const [low, high] = result.test.interval
  console.log(`test accuracy ${percent(result.test.top1)}, 95 % interval ${percent(low)} to ${percent(high)}`)
}

const some = data.samples.slice(0, 2).map(({ path }) => join(data.root, path))
for await (const image of predict(run, some))
  if ('scores' in image) console.log(image.path, image.scores[0]?.class, percent(image.scores[0]?.probability ?? 0))

const { check } = await exportOnnx(run, join(run, 'model.onnx'), { preprocessing: true, probabilities: true })
console.log(`model.onnx differs from the engine by ${check.difference.toExponential(1)} at most`)

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}
