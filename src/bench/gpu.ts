/** `npm run bench:gpu`: the webgpu engine on the GPU at hand: the same numbers as on the CPU first, then its speed beside PyTorch on the same GPU, in turns. */
import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { randomStream } from '../base/random.js'
import { table } from '../cli/terminal/table.js'
import { chooseEngine, type Engine, everyEngine, gpu } from '../engines/index.js'
import { gradientStep, valuesOf } from '../graph/index.js'
import { networkGraph, networkNamed } from '../models/index.js'
import { initialValues } from '../training/initialise.js'
import { kernelRates } from './kernelRates.js'
import type { Contender } from './process.js'
import { contender, drawnImages, median, printedByPython, secondsOf } from './sides.js'

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
const torch = printedByPython(
  'import torch; assert torch.cuda.is_available(); print(torch.__version__, "on", torch.cuda.get_device_name())',
)
console.log(
  `${webgpu.library}, Node ${process.version}; ${torch ? `PyTorch ${torch}` : 'no PyTorch that sees a GPU, so no ratios'}`,
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

const data = await (tiny ? drawnImages(4, 64) : drawnImages(52, 340))
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
const figures = []
for (const setting of settings) {
  console.log(
    `\n${setting.network} ${setting.task}, batch ${setting.batch}, ${setting.size} x ${setting.size}, float32`,
  )
  const started: [string, Contender, number[]][] = []
  const begin = async (...[name, program, given]: Parameters<typeof contender>) => {
    const found = await contender(name, program, { ...setting, ...given })
    if (found) started.push([name, found, []])
  }
  await begin('webgpu', 'regraft', { engine: 'webgpu' })
  if (torch)
    for (const channelsLast of [false, true])
      await begin(`PyTorch${channelsLast ? ', channels-last' : ''}`, 'pytorch', {
        channels_last: channelsLast,
        bf16: false,
        device: 'cuda',
      })
  for (let round = 0; round < Number(options.rounds); round++)
    for (const [, side, seconds] of started)
      seconds.push(secondsOf(await side.time(tiny ? 1 : 10), setting.task === 'epoch'))
  const speeds = started.map(([name, , seconds]) => ({ name, imagesPerSecond: setting.batch / median(seconds) }))
  const best = Math.max(...speeds.filter(({ name }) => name.startsWith('PyTorch')).map(each => each.imagesPerSecond))
  for (const [, side] of started) await side.end()
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
  writeFileSync(
    options.json,
    `${JSON.stringify({ library: webgpu.library, torch, parity, rates, figures }, null, 2)}\n`,
  )
process.exit(0)
