/** `npm run bench:gpu`: the webgpu engine on the GPU at hand: the same numbers as on the CPU first, then its speed beside PyTorch on the same GPU, in turns. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { randomStream } from '../base/random.js'
import { table } from '../cli/terminal/table.js'
import { chooseEngine, type Engine, everyEngine, gpu } from '../engines/index.js'
import { demoShapes } from '../examples/pictogramShapes.js'
import { drawPictograms } from '../examples/pictograms.js'
import { gradientStep, valuesOf } from '../graph/index.js'
import { networkGraph, networkNamed } from '../models/index.js'
import { initialValues } from '../training/initialise.js'
import { kernelRates } from './kernelRates.js'
import { type Contender, startContender } from './process.js'

const { values: options } = parseArgs({
  options: {
    'dry-run': { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
if (options.help) {
  console.log('npm run bench:gpu -- [--rounds N] [--json FILE] [--dry-run]\n')
  console.log('  --dry-run  tiny shapes, to see that everything runs; figures mean nothing')
  console.log('\nNeeds the package webgpu and a GPU. PyTorch is measured where REGRAFT_PEER_PYTHON (else python3) can')
  console.log('import one that sees the GPU, in float32 with TF32 off.')
  process.exit(0)
}
const tiny = options['dry-run']
const python = process.env.REGRAFT_PEER_PYTHON ?? 'python3'
const webgpu = everyEngine.find(({ name }) => name === 'webgpu') as Engine
const adapter = gpu()
if (typeof adapter === 'string') {
  console.error(`No GPU to measure: ${adapter}.`)
  process.exit(1)
}

/** Largest difference of loss and gradients between an engine and the CPU's, in units of each gradient's largest value. */
async function differences(name: string, batch: number, size: number) {
  const { graph } = gradientStep(networkGraph(networkNamed(name), { classes: 10, batch, size, dropout: 0 }))
  const random = randomStream(2, name)
  const images = new Float32Array(batch * 3 * size * size).map(random.normal)
  const targets = new Float32Array(batch * 10)
  for (let row = 0; row < batch; row++) targets[10 * row + (row % 10)] = 1
  const outputsOf = async (engine: Engine) => {
    const program = await engine.compile(graph)
    for (const { name: value, shape } of valuesOf(graph, 'parameter', 'statistic'))
      await program.write(value, initialValues(value, shape, 0))
    const outputs = await program.run({ images, targets })
    await program.dispose()
    return outputs
  }
  const ours = await outputsOf(webgpu)
  const theirs = await outputsOf(chooseEngine('auto', graph))
  let gradients = 0
  for (const [output, values] of Object.entries(theirs)) {
    if (output === 'loss') continue
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12)
    const error = values.reduce((most, value, i) => Math.max(most, Math.abs(value - ours[output]![i]!)), 0)
    gradients = Math.max(gradients, error / largest)
  }
  return { loss: Math.abs(ours.loss![0]! / theirs.loss![0]! - 1), gradients }
}

/** PyTorch's version and GPU, where it sees one. */
function torchOnGpu(): string | undefined {
  const code =
    'import torch; assert torch.cuda.is_available(); print(torch.__version__, "on", torch.cuda.get_device_name())'
  try {
    return execFileSync(python, ['-c', code], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return undefined
  }
}

const torch = torchOnGpu()
console.log(
  `${adapter.name}, Node ${process.version}; ${torch ? `PyTorch ${torch}` : 'no PyTorch that sees a GPU, so no ratios'}`,
)
if (adapter.software) console.log('The CPU plays this GPU: its speed means nothing.')

console.log('\nA training step beside the CPU’s engine, largest relative differences')
const parity = []
for (const name of tiny ? ['resnet18-narrow'] : ['resnet18', 'mobilenet_v2', 'efficientnet_lite0'])
  parity.push({ network: name, ...(await differences(name, tiny ? 4 : 8, 64)) })
console.log(
  table(
    ['', 'loss', 'gradients'],
    parity.map(({ network, loss, gradients }) => [network, loss.toExponential(1), gradients.toExponential(1)]),
  ),
)

const shape = tiny ? ([1, 8, 8, 8] as const) : ([64, 64, 56, 56] as const)
console.log(`\nSingle kernels on images of ${shape.join(' x ')}`)
const rates = await kernelRates(webgpu, shape, tiny ? 2 : 16)
console.log(
  table(
    ['', 'ms', 'GFLOP/s', 'GB/s'],
    rates.map(rate => [
      rate.kernel,
      (1000 * rate.seconds).toFixed(3),
      rate.gigaflops.toFixed(0),
      rate.gigabytes.toFixed(0),
    ]),
  ),
)

const data = mkdtempSync(join(tmpdir(), 'regraft-bench-'))
process.once('exit', () => rmSync(data, { recursive: true, force: true }))
await drawPictograms(data, { shapes: demoShapes, imagesPerClass: tiny ? 4 : 52, size: tiny ? 64 : 340, seed: 3 })
const settings = (
  tiny
    ? [['resnet18-narrow', 2]]
    : [
        ['resnet50', 64],
        ['efficientnet_lite0', 128],
        ['mobilenet_v2', 128],
      ]
).flatMap(([network, batch]) =>
  (['step', 'inference', 'epoch'] as const).map(task => ({
    network: network as string,
    task,
    batch: batch as number,
    size: tiny ? 32 : 224,
    threads: availableParallelism(),
    precision: 'float32' as const,
    data,
  })),
)
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const figures = []
for (const setting of settings) {
  console.log(
    `\n${setting.network} ${setting.task}, batch ${setting.batch}, ${setting.size} x ${setting.size}, float32`,
  )
  const started: [string, Contender, number[]][] = []
  const begin = async (name: string, command: string, script: string, given: object) => {
    try {
      started.push([name, await startContender(command, [here(script), JSON.stringify({ ...setting, ...given })]), []])
    } catch (error) {
      console.log(`  ${name}: not measured (${(error as Error).message})`)
    }
  }
  await begin('webgpu', process.execPath, './contender.js', { engine: 'webgpu' })
  if (torch)
    for (const channelsLast of [false, true])
      await begin(`PyTorch${channelsLast ? ', channels-last' : ''}`, python, '../../bench/peer.py', {
        channels_last: channelsLast,
        bf16: false,
        device: 'cuda',
      })
  for (let round = 0; round < Number(options.rounds); round++)
    for (const [, contender, seconds] of started) {
      const times = await contender.time(tiny ? 1 : 10)
      seconds.push(setting.task === 'epoch' ? times.reduce((a, b) => a + b, 0) / times.length : Math.min(...times))
    }
  const speeds = started.map(([name, , seconds]) => {
    const median = [...seconds].sort((a, b) => a - b)[seconds.length >> 1] as number
    return { name, imagesPerSecond: setting.batch / median }
  })
  const best = Math.max(...speeds.filter(({ name }) => name.startsWith('PyTorch')).map(each => each.imagesPerSecond))
  for (const [, contender] of started) await contender.end()
  for (const { name, imagesPerSecond } of speeds)
    figures.push({
      ...setting,
      data: undefined,
      name,
      imagesPerSecond,
      ...(best > 0 ? { ratio: imagesPerSecond / best } : {}),
    })
  console.log(
    table(
      ['', 'images/s', 'to PyTorch at its best'],
      speeds.map(({ name, imagesPerSecond }) => [
        name,
        imagesPerSecond.toFixed(1),
        best > 0 ? (imagesPerSecond / best).toFixed(2) : '',
      ]),
    ),
  )
}
if (options.json)
  writeFileSync(options.json, `${JSON.stringify({ adapter: adapter.name, torch, parity, rates, figures }, null, 2)}\n`)
process.exit(0)
