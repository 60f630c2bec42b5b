/** `npm run bench`: images per second of every engine beside PyTorch, in turns in the same run, with ratios and peak memory. */
import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { table } from '../cli/terminal/table.js'
import { engines } from '../engines/index.js'
import { nativeAddon } from '../engines/onednn/native.js'
import { type Graph, nodeCost } from '../graph/index.js'
import { networkGraph, networkNamed } from '../models/index.js'
import { kernelShares } from './kernelShares.js'
import type { Contender } from './process.js'
import type { Setting } from './setting.js'
import { contender, drawnImages, median, printedByPython, python, secondsOf } from './sides.js'

const { values: options } = parseArgs({
  options: {
    json: { type: 'string' },
    data: { type: 'string' },
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    threads: { type: 'string' },
    engine: { type: 'string' },
    build: { type: 'string' },
    precision: { type: 'string', default: 'float32' },
    help: { type: 'boolean', default: false },
  },
})
if (options.help) {
  console.log(
    'npm run bench -- [--only TEXT] [--engine NAME] [--build FOLDER] [--precision bf16] [--quick] [--threads N] [--json FILE]\n',
  )
  console.log("  --only TEXT   only lines whose 'network task' contain the text, for instance 'resnet50 step'")
  console.log('  --engine NAME only that engine; default: all that are here')
  console.log('  --build FOLDER     another regraft_native.node as well, in turns with the one that is loaded here')
  console.log('  --precision bf16   both sides; PyTorch by torch.autocast')
  console.log('  --quick       fewer rounds; for a look, not for a claim')
  console.log('  --data FOLDER class folders for pipeline and epoch; default: drawn pictures of 340 x 340 pixels')
  console.log('  --json FILE   writes every figure')
  console.log('\nPyTorch is measured where REGRAFT_PEER_PYTHON (else python3) can import torch.')
  process.exit(0)
}

const precision = ['bf16', 'bfloat16'].includes(options.precision) ? 'bfloat16' : 'float32'
if (precision === 'float32' && options.precision !== 'float32')
  throw new Error(`--precision is float32 or bf16, not '${options.precision}'`)
const threads = Number(options.threads ?? availableParallelism())
const rounds = options.quick ? 2 : 5
/** The contender of `--build`. */
const other = `onednn of ${options.build}`
/** glibc keeps what it has allocated, which alone makes PyTorch's step two to four times faster on a CPU. */
const tuned = {
  MALLOC_MMAP_THRESHOLD_: '8589934592',
  MALLOC_TRIM_THRESHOLD_: '34359738368',
  MALLOC_TOP_PAD_: '1073741824',
}

// Photographs take as long to decode as their size says: these have about that of Caltech-101's.
const data = options.data ?? (await drawnImages(26, 340))
const settings: Setting[] = [
  ['resnet50', 'step', 16],
  ['resnet50', 'inference', 16],
  ['resnet50', 'step', 32],
  ['resnet50', 'epoch', 16],
  ['efficientnet_lite0', 'step', 32],
  ['efficientnet_lite0', 'inference', 32],
  ['efficientnet_lite0', 'pipeline', 32],
  ['efficientnet_lite0', 'epoch', 32],
  ['mobilenet_v2', 'step', 32],
  ['mobilenet_v2', 'inference', 32],
].map(([network, task, batch]) => ({ network, task, batch, size: 224, threads, precision, data }) as Setting)

interface Figure extends Setting {
  readonly contender: string
  /**
   * Multiply-adds of direct convolutions, of the rate of a large matrix product, measured in the same rounds; ResNet-50 on
   * the native engine only. Winograd's method gets by with fewer, so it can be above 1.
   */
  readonly shareOfPeak?: number
  /** Median over rounds of each round's best run. */
  readonly imagesPerSecond: number
  readonly peakBytes: number
}

/** Multiply-adds of a network's matrix products for one image. */
function multiplyAdds(forward: Graph): number {
  const products = forward.nodes.filter(({ operator }) => operator === 'conv2d' || operator === 'linear')
  return products.reduce((sum, node) => sum + nodeCost(forward, node).flops / 2, 0)
}

async function measure(setting: Setting, torch: string | undefined): Promise<Figure[]> {
  const started: [string, Contender][] = []
  const begin = async (...[name, ...given]: Parameters<typeof contender>) => {
    const found = await contender(name, ...given)
    if (found) started.push([name, found])
  }
  const forward = networkGraph(networkNamed(setting.network), {
    classes: 101,
    batch: setting.batch,
    size: setting.size,
  })
  for (const engine of engines) {
    if (options.engine && engine.name !== options.engine) continue
    const support = engine.supports(forward, setting.precision)
    if (support.ok) await begin(engine.name, 'regraft', { ...setting, engine: engine.name })
    else console.log(`  ${engine.name}: not measured (${support.reason})`)
  }
  if (options.build)
    await begin(other, 'regraft', { ...setting, engine: 'onednn' }, { REGRAFT_BUILD: resolve(options.build) })
  if (torch)
    for (const [name, channelsLast, environment] of [
      ['PyTorch as installed', false, {}],
      ['PyTorch tuned', false, tuned],
      ['PyTorch tuned, channels-last', true, tuned],
    ] as const) {
      const peer = { ...setting, channels_last: channelsLast, bf16: setting.precision === 'bfloat16' }
      await begin(name, 'pytorch', peer, environment)
    }
  const best = new Map(started.map(([name]) => [name, [] as number[]]))
  // What a pipeline prepared while others were measured is used up before it is timed.
  const decodes = setting.task === 'pipeline' || setting.task === 'epoch'
  const runs = decodes ? 8 : setting.task === 'step' ? 2 : 5
  const addon = !decodes && setting.network === 'resnet50' && best.has('onednn') ? nativeAddon() : undefined
  const rates: number[] = []
  for (let round = 0; round < rounds; round++) {
    for (const [name, side] of started) {
      if (decodes) await side.time(6)
      best.get(name)?.push(secondsOf(await side.time(runs), decodes))
    }
    if (typeof addon === 'object') rates.push(await addon.productRate(setting.precision, threads))
  }
  const [here, there] = [best.get('onednn'), best.get(other)]
  if (here && there)
    console.log(`  ${other}: ${median(here.map((seconds, i) => seconds / (there[i] as number))).toFixed(2)} of onednn`)
  // A training step computes each product three times: itself, and the gradients of both of its factors.
  const perImage = ((setting.task === 'step' ? 3 : 1) * multiplyAdds(forward)) / setting.batch
  const rate = Math.max(...rates)
  if (rates.length > 0) console.log(`  a large matrix product: ${((2 * rate) / 1e9).toFixed(0)} GFLOP/s`)
  const figures: Figure[] = []
  for (const [name, side] of started) {
    const imagesPerSecond = setting.batch / median(best.get(name) as number[])
    const share = name === 'onednn' && rates.length > 0 ? { shareOfPeak: (perImage * imagesPerSecond) / rate } : {}
    const { peakBytes, secondsByKernel } = await side.end()
    if (rates.length > 0 && secondsByKernel) console.log(`  where the time goes: ${kernelShares(secondsByKernel)}`)
    figures.push({ ...setting, contender: name, imagesPerSecond, peakBytes, ...share })
  }
  return figures
}

const torch = printedByPython('import torch; print(torch.__version__)')
console.log(
  `${cpus()[0]?.model.trim()}, ${threads} threads, Node ${process.version}; ${torch ? `PyTorch ${torch}` : `no PyTorch (${python} cannot import torch), so no ratios`}`,
)
const results: (Figure & { readonly peer?: string; readonly ratio?: number })[] = []
for (const setting of settings) {
  const title = `${setting.network} ${setting.task}`
  if (options.only && !title.includes(options.only)) continue
  console.log(`\n${title}, batch ${setting.batch}, ${setting.size} x ${setting.size}, ${setting.precision}`)
  const figures = await measure(setting, torch)
  const peers = figures.filter(figure => figure.contender.startsWith('PyTorch'))
  const fastest = peers.reduce<Figure | undefined>(
    (a, b) => (a && a.imagesPerSecond > b.imagesPerSecond ? a : b),
    undefined,
  )
  const installed = peers.find(figure => figure.contender === 'PyTorch as installed')
  const ratio = (figure: Figure, to: Figure | undefined) =>
    to ? figure.imagesPerSecond / to.imagesPerSecond : undefined
  for (const figure of figures)
    results.push({
      ...figure,
      ...(fastest ? { peer: fastest.contender, ratio: figure.imagesPerSecond / fastest.imagesPerSecond } : {}),
    })
  const rows = figures.map(figure => [
    figure.contender,
    figure.imagesPerSecond.toFixed(1),
    ratio(figure, fastest)?.toFixed(2) ?? '',
    ratio(figure, installed)?.toFixed(2) ?? '',
    `${(figure.peakBytes / 1e9).toFixed(2)} GB`,
    figure.shareOfPeak?.toFixed(2) ?? '',
  ])
  console.log(
    table(
      ['', 'images/s', 'to PyTorch at its best', 'to PyTorch as installed', 'peak memory', 'of matrix product'],
      rows,
    ),
  )
}
if (options.json) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`)
