/** The card has the Hub's header, no path of the machine, and snippets that run as they stand. */
import { execFile } from 'node:child_process'
import { symlink, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { beforeAll, expect, it } from 'vitest'
import { parse } from 'yaml'
import { temporaryFolder } from '../base/folder.testing.js'
import { pythonWith } from '../base/python.testing.js'
import { exportOnnx } from '../inference/index.js'
import { randomModel } from '../inference/randomModel.testing.js'
import { bestEpochsWeights, modelCard } from './card.js'
import { writeModel } from './model.js'
import { checkOptions } from './options.js'
import type { RunConfig, RunResult } from './runFolder.js'

const cardOf = (config: RunConfig, of: RunResult) => modelCard(config, of, bestEpochsWeights(config, of))
const python = pythonWith('torchvision', 'timm', 'safetensors')

const at = temporaryFolder()
const classes = ['ant', '"><b>', '# bee']
const measured = {
  images: 20,
  loss: 0.5,
  top1: 0.85,
  top5: 1,
  meanPerClass: 0.8,
  interval: [0.64, 0.95] as [number, number],
}
const result: RunResult = {
  bestEpoch: 2,
  validation: measured,
  test: measured,
  perClass: [],
  confusion: [],
  seconds: { total: 1, training: 1 },
}

const configOf = (network: string, source: string): RunConfig => {
  const { preprocessing } = randomModel('resnet18-narrow', classes, 64)
  return {
    options: checkOptions({ epochs: 3, weights: source }) as RunConfig['options'],
    data: '/home/somebody/my <photos>',
    classes,
    split: { train: ['a/1.jpg'], val: ['a/2.jpg'], test: ['a/3.jpg'] },
    network,
    preprocessing,
    resolved: { augment: 'none', cacheFeatures: true, grouping: 'none', batchSize: 8 },
    provenance: { source, file: source, sha256: '0'.repeat(64), licence: 'Apache-2.0' },
    environment: { regraft: '0.1.0', node: 'v22', platform: 'linux', cpu: 'x', engine: 'onednn', threads: 2 },
    started: '2026-01-01T00:00:00.000Z',
  }
}
const snippet = (card: string, language: string, which = 0) =>
  [...card.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))][which]![1]!

beforeAll(async () => {
  await writeModel(at(''), randomModel('resnet18-narrow', classes, 64), '')
  await exportOnnx(at(''), at('model.onnx'), { preprocessing: true, probabilities: true })
  await sharp({ create: { width: 90, height: 70, channels: 3, background: '#a40' } })
    .jpeg()
    .toFile(at('photo.jpg'))
  await symlink(resolve('node_modules'), at('node_modules'))
})

it('has the header that the Hugging Face Hub reads', () => {
  const card = cardOf(configOf('efficientnet_lite0', 'timm'), result)
  const header = parse(/^---\n(.*?)---\n/s.exec(card)![1]!) as Record<string, unknown>
  expect(header).toMatchObject({
    pipeline_tag: 'image-classification',
    library_name: 'regraft',
    license: 'apache-2.0',
    base_model: 'timm/tf_efficientnet_lite0.in1k',
    datasets: ['my--photos-'],
    metrics: ['accuracy'],
  })
  expect(header['model-index']).toMatchObject([{ results: [{ metrics: [{ value: 0.85 }, { value: 0.8 }] }] }])
})

it('names no folder of the machine, and understands no class as markup', () => {
  const card = cardOf(configOf('resnet50', '/home/somebody/weights/mine.pth'), result)
  expect(card).not.toMatch(/\/home|somebody|<photos>/)
  expect(card).toContain('mine.pth')
  expect(card).toContain('    ["ant","\\"><b>","# bee"]\n')
})

it('keeps what follows the name in an address to itself', () => {
  const card = cardOf(configOf('resnet50', 'https://example.org/mine.pth?token=secret#x'), result)
  expect(card).toContain('mine.pth')
  expect(card).not.toContain('secret')
})

it('says how to use it in TypeScript and in ONNX Runtime, and both run as they stand', async () => {
  const card = cardOf(configOf('resnet18-narrow', 'pictograms'), result)
  const typescript = snippet(card, 'ts').replace("'regraft'", `'${resolve('dist/index.js')}'`)
  for (const [name, code, expected] of [
    ['a.mjs', typescript, /class: .*probability: 0\.\d+/s],
    ['b.mjs', snippet(card, 'js'), /Float32Array\(3\)/],
  ] as const) {
    await writeFile(at(name), code)
    const { stdout } = await promisify(execFile)(process.execPath, [name], { cwd: at('') })
    expect(stdout).toMatch(expected)
  }
})

it.skipIf(!python)(
  'says how to load it in PyTorch (skipped: needs REGRAFT_PEER_PYTHON with torchvision and timm)',
  async () => {
    await writeModel(at(''), randomModel('resnet18', classes, 64), '')
    const card = cardOf(configOf('resnet18', 'none'), result)
    for (const which of [0, 1]) {
      const code = `${snippet(card, 'python', which)}\nprint(sum(p.numel() for p in model.parameters()))`
      const { stdout } = await promisify(execFile)(python as string, ['-c', code], {
        cwd: at(''),
      })
      expect(stdout.trim()).toBe(String(11_176_512 + 3 * 513))
    }
  },
)
