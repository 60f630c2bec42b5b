/** `npm run bench:serving -- RUN IMAGES`: images per second of the engine, of decoding, of predict, and of a server under load, whose memory is watched. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import 'sharp'
import { glob } from 'tinyglobby'
import { createWorkerPool, pixelLoops } from '../data/index.js'
import { chooseEngine } from '../engines/index.js'
import { predict } from '../inference/index.js'
import { networkGraph, networkNamed } from '../models/index.js'
import { compileInference, type Model, readModel } from '../training/index.js'
import { type Load, putLoad } from './clients.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    images: { type: 'string', default: '1000' },
    clients: { type: 'string', default: '32' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '180' },
  },
})
const [run, folder] = positionals
if (!run || !folder) {
  console.log('npm run bench:serving -- RUN IMAGES [--images 1000] [--clients 32] [--rounds 3] [--seconds 180]')
  process.exit(2)
}

const per = (count: number, began: number) => (1000 * count) / (performance.now() - began)
const show = (what: string, rate: number) => console.log(`${what.padEnd(36)} ${rate.toFixed(1).padStart(7)} images/s`)

/** Of the forward pass alone, on sixteen images at a time. */
async function engineRate({ network, classes, preprocessing, values }: Model): Promise<number> {
  const { size } = preprocessing
  const graph = networkGraph(networkNamed(network), { classes: classes.length, batch: 16, size })
  const inference = await compileInference(chooseEngine('auto', graph), graph, {})
  await inference.write(values)
  const images = new Float32Array(16 * 3 * size * size).fill(0.5)
  for (let i = 0; i < 3; i++) await inference.run(images)
  const began = performance.now()
  let done = 0
  for (; performance.now() - began < 4000; done += 16) await inference.run(images)
  const rate = per(done, began)
  await inference.program.dispose()
  return rate
}

/** Of decoding, resizing and normalising alone, with as many threads as there are cores. */
async function decodingRate({ preprocessing }: Model, paths: readonly string[]): Promise<number> {
  pixelLoops()
  const script = new URL('../inference/classifyWorker.js', import.meta.url)
  const pool = createWorkerPool(script, availableParallelism(), { preprocessing, maxPixels: 1e8 })
  const out = Array.from({ length: 64 }, () => new Float32Array(new SharedArrayBuffer(12 * preprocessing.size ** 2)))
  await Promise.all(out.map((slot, i) => pool.run({ image: paths[i % paths.length], out: slot })))
  const began = performance.now()
  await Promise.all(paths.map((image, i) => pool.run({ image, out: out[i % 64] })))
  const rate = per(paths.length, began)
  await pool.close()
  return rate
}

/** Of predict, from its first result on: what it takes to read and compile the model is told apart. */
async function predictRate(model: Model, paths: readonly string[]): Promise<number> {
  let began = 0
  let done = -64
  for await (const _ of predict(model, [...paths.slice(0, 64), ...paths])) {
    if (done === 0) began = performance.now()
    done++
  }
  return per(done, began)
}

/** Resident megabytes of a process. */
const memory = (pid: number): number =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024)

/** `regraft serve` in a process of its own. */
async function startServing() {
  const main = fileURLToPath(new URL('../cli/main.js', import.meta.url))
  const server = spawn(process.execPath, [main, 'serve', run!, '--port', '0', '--no-dashboard'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const url = await new Promise<string>((resolve, reject) => {
    let said = ''
    server.stdout.on('data', text => {
      said += String(text)
      const found = /Listening: (http:\S+);/.exec(said)
      if (found) resolve(found[1]!)
    })
    server.on('exit', () => reject(new Error(`the server did not start: ${said}`)))
  })
  return {
    url,
    memory: () => memory(server.pid!),
    end: async () => {
      server.kill('SIGTERM')
      await once(server, 'exit')
    },
  }
}

function showLoad({ answered, others, percentile }: Load): void {
  const [middle, slow] = [0.5, 0.99].map(share => Math.round(percentile(share)))
  console.log(`  ${answered} answers, half of them within ${middle} ms, 99 % within ${slow} ms`)
  for (const [status, count] of others) console.log(`  status ${status}: ${count}`)
}

const median = (rates: number[]) => rates.sort((x, y) => x - y)[Math.floor(rates.length / 2)]!

const paths = (
  await glob('**/*.{jpg,jpeg,png,webp}', { cwd: folder, absolute: true, caseSensitiveMatch: false })
).sort()
const step = Math.max(1, Math.floor(paths.length / Number(values.images)))
const chosen = paths.filter((_, i) => i % step === 0).slice(0, Number(values.images))
const model = await readModel(run)
console.log(`${model.network}, ${chosen.length} images, ${availableParallelism()} cores, ${cpus()[0]?.model}`)
const contents = await Promise.all(chosen.slice(0, 200).map(path => readFile(path)))
const server = await startServing()
const clients = Number(values.clients)
await putLoad(server.url, contents, clients, 3)
// In turns, so that what else the machine does meets all of them
const rates = { engine: [] as number[], decoding: [] as number[], predict: [] as number[], server: [] as number[] }
for (let round = 0; round < Number(values.rounds); round++) {
  rates.engine.push(await engineRate(model))
  rates.decoding.push(await decodingRate(model, chosen))
  rates.predict.push(await predictRate(model, chosen))
  const load = await putLoad(server.url, contents, clients, 8)
  rates.server.push(load.answered / load.seconds)
  if (round === 0) showLoad(load)
}
const [engine, decoding] = [median(rates.engine), median(rates.decoding)]
const [predicted, served] = [median(rates.predict), median(rates.server)]
show('engine alone', engine)
show('decoding alone', decoding)
const both = 1 / (1 / engine + 1 / decoding)
show('both, one after the other', both)
show('predict', predicted)
show(`server, ${clients} clients`, served)
console.log(
  `predict: ${(predicted / Math.min(engine, decoding)).toFixed(2)} of the slower of engine and decoding; server: ${(served / predicted).toFixed(2)} of predict`,
)
// Engine and decoding share the cores: no arrangement of the two is faster than their sum
console.log(
  `of what the cores allow both: predict ${(predicted / both).toFixed(2)}, server ${(served / both).toFixed(2)}`,
)
if (values.seconds !== '0') {
  const watched: number[] = []
  const watch = setInterval(() => watched.push(server.memory()), 5000)
  const load = await putLoad(server.url, contents, clients, Number(values.seconds))
  clearInterval(watch)
  show(`server for ${Math.round(load.seconds)} s`, load.answered / load.seconds)
  showLoad(load)
  const at = (share: number) => watched[Math.min(watched.length - 1, Math.floor(share * watched.length))]
  console.log(`  memory in MB at every fifth of the time: ${[0, 0.2, 0.4, 0.6, 0.8, 1].map(at).join(', ')}`)
}
await server.end()
