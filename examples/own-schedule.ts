/** Trains with a learning-rate schedule and an augmentation of its own; stopped with Ctrl-C, it goes on when it is started again. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Hooks, imageFolder, RegraftError, resume, type Schedule, train } from 'regraft'

const [folder = 'photos', run = 'runs/own', network = 'mobilenet_v2'] = process.argv.slice(2)

/** One cycle: up over the first third of the run, down to a hundredth over the rest. */
const oneCycle: Schedule = (epoch, epochs) => {
  const peak = Math.max(1, Math.round(epochs / 3))
  if (epoch < peak) return (epoch + 1) / peak
  return 0.01 + 0.99 * 0.5 * (1 + Math.cos((Math.PI * (epoch - peak)) / (epochs - peak)))
}

const stop = new AbortController()
process.once('SIGINT', () => stop.abort())
const hooks: Hooks = {
  schedule: oneCycle,
  // A module, not a function: images are augmented in threads
  augmentation: new URL('./vignette.js', import.meta.url),
  signal: stop.signal,
  onEvent: event => {
    if (event.type === 'epoch') console.log(`epoch ${event.record.epoch}: rate ${event.record.lrHead.toFixed(4)}`)
  },
}

try {
  const finished = existsSync(join(run, 'config.json'))
    ? await resume(run, hooks)
    : await train(await imageFolder(folder), { network, run, epochs: 6, batchSize: 16, lrHead: 0.02 }, hooks)
  console.log(`validation ${(100 * (finished.result.validation?.top1 ?? 0)).toFixed(1)} %`)
} catch (error) {
  if (!(error instanceof RegraftError)) throw error
  console.error(error.message)
  process.exitCode = 1
}
