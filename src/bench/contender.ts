/** Our side of the benchmark: one network, one task, timed whenever a line arrives, in a process of its own so that its memory can be read. */
import { existsSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { withSize } from '../base/preprocessing.js'
import { randomStream, shuffled } from '../base/random.js'
import { createLoader, imageFolder } from '../data/index.js'
import { chooseEngine } from '../engines/index.js'
import { elements, type Graph, inferenceGraph, trainingStep, valuesOf } from '../graph/index.js'
import { networkGraph, networkNamed } from '../models/index.js'
import { initialValues } from '../training/initialise.js'
import type { Setting } from './setting.js'

const setting: Setting & { engine: 'onednn' | 'onnxruntime' | 'webgpu' } = JSON.parse(process.argv[2] as string)
const { network, task, batch, size, threads, precision } = setting

/** A program and what it is given, apart from images. */
async function compiled() {
  const forward = networkGraph(networkNamed(network), { classes: 101, batch, size })
  const graph: Graph =
    task === 'inference'
      ? inferenceGraph(forward).graph
      : trainingStep(forward, { optimiser: { name: 'sgd', nesterov: false }, groupOf: () => 'all' })
  const program = await chooseEngine(setting.engine, graph, precision).compile(graph, { precision, threads })
  for (const { name, shape } of valuesOf(graph, 'parameter', 'statistic'))
    await program.write(name, initialValues(name, shape, 0))
  const given: Readonly<Record<string, number>> = { 'learningRate.all': 1e-4, momentum: 0.9, 'weightDecay.all': 5e-4 }
  const inputs = Object.fromEntries(
    valuesOf(graph, 'input').map(({ name, shape }) => {
      const values = new Float32Array(elements(shape))
      if (shape.length === 0) values.fill(given[name] as number)
      else if (name === 'targets') for (let row = 0; row < batch; row++) values[row * 101 + (row % 101)] = 1
      else if (name === 'images') for (const i of values.keys()) values[i] = Math.sin(i * 12.9898) * 2
      else values.fill(1)
      return [name, values]
    }),
  )
  return { program, inputs }
}

/** Batches of training images, epoch after epoch; nothing is kept in memory, so that every image is decoded. */
async function* endlessBatches(): AsyncGenerator<Float32Array> {
  const dataset = await imageFolder(setting.data)
  const preprocessing = withSize(networkNamed(network).preprocessing, size)
  const loader = createLoader(dataset, { preprocessing, augment: 'crop-flip', cacheBytes: 0, threads })
  const order = [...dataset.samples.keys()]
  for (let epoch = 0; ; epoch++)
    for await (const { images } of loader.batches(shuffled(order, randomStream(0, epoch)), {
      batchSize: batch,
      training: true,
      epoch,
      dropLast: true,
    }))
      yield images
}

/** Peak memory of this process and of those it has started: the portable engine's programs are processes of their own. */
function peakBytes(): number {
  const list = `/proc/${process.pid}/task/${process.pid}/children`
  const children = existsSync(list) ? readFileSync(list, 'utf8').split(' ').filter(Boolean) : []
  const peakOf = (child: string) =>
    1024 * Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${child}/status`, 'utf8'))?.[1] ?? 0)
  return children.reduce((sum, child) => sum + peakOf(child), process.resourceUsage().maxRSS * 1024)
}

const decodes = task === 'pipeline' || task === 'epoch'
const work = task === 'pipeline' ? undefined : await compiled()
const batches = decodes ? endlessBatches() : undefined

let before: Promise<unknown> | undefined
/** One run; with images to read, as the training loop does it: it is done when the next has begun, or `last` is said. */
async function run(last = true): Promise<void> {
  const images = batches ? { images: (await batches.next()).value as Float32Array } : {}
  const inputs = { ...work?.inputs, ...images }
  if (!batches || !work?.program.begin) await work?.program.run(inputs)
  else {
    const { outputs } = await work.program.begin(inputs)
    await before
    before = outputs
    if (last) await before
  }
}

for (let i = 0; i < 2; i++) await run()
console.log('ready')
for await (const line of createInterface(process.stdin)) {
  if (line.startsWith('end')) {
    const secondsByKernel = work?.program.secondsByKernel?.()
    console.log(JSON.stringify({ peakBytes: peakBytes(), secondsByKernel }))
    break
  }
  const seconds: number[] = []
  const runs = Number(line.split(' ')[1])
  for (let i = 0; i < runs; i++) {
    const began = performance.now()
    await run(i === runs - 1)
    seconds.push((performance.now() - began) / 1000)
  }
  console.log(JSON.stringify({ seconds }))
}
process.exit(0)
