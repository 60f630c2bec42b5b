/** What the command says and which code it ends with, for what a person can get wrong; docs/errors.md explains the codes. */
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkOptions } from '../dist/training/index.js'
import { regraft, regraftHere, shapeImages, temporaryFolder } from './support.js'

const folder = await temporaryFolder()
afterAll(folder.remove)
const at = (path: string) => join(folder.path, path)
const write = (path: string, content: string) => {
  mkdirSync(join(at(path), '..'), { recursive: true })
  writeFileSync(at(path), content)
}

const trunk = join(import.meta.dirname, '..', 'assets', 'demo-trunk.safetensors')
const narrow = ['--network', 'resnet18-narrow']

/** A run that was begun, without its training: what `--resume` finds. */
const begun = (changes: object) => ({
  options: checkOptions({ network: 'resnet18-narrow' }),
  data: at('images'),
  classes: ['circle', 'square', 'stripes'],
  split: { train: ['circle/0.jpg', 'square/0.jpg', 'stripes/0.jpg'], val: [], test: [] },
  network: 'resnet18-narrow',
  preprocessing: { size: 32, resize: 36, interpolation: 'bilinear', crop: 'center', mean: [0, 0, 0], std: [1, 1, 1] },
  resolved: { augment: 'none', cacheFeatures: false, batchSize: 2 },
  provenance: { source: trunk, sha256: '0'.repeat(64) },
  environment: { regraft: '0', node: 'v20', platform: 'x', cpu: 'x', engine: 'onnxruntime', threads: 1 },
  started: '2026-01-01T00:00:00.000Z',
  ...changes,
})

beforeAll(async () => {
  await shapeImages(at('images'), 4)
  mkdirSync(at('empty'))
  symlinkSync('circular', at('circular'))
  write('flat/1.jpg', 'x')
  write('list.yaml', '- epochs')
  write('broken.yaml', 'epochs: [1')
  write('typo.yaml', 'epoch: 3')
  write('notes.txt', 'no weights')
  write('labels.csv', 'circle/0.jpg,round\n')
  write('changed/config.json', JSON.stringify(begun({ classes: ['circle', 'square'] })))
  write('other-weights/config.json', JSON.stringify(begun({})))
  write('damaged/config.json', '{"options": ')
  write('lacking/config.json', JSON.stringify(begun({ network: 5 })))
  write('model/model.json', '{')
  write('unreadable/config.json', JSON.stringify(begun({})))
  write('unreadable/result.json', '{"bestEpoch": ')
  write('study/study.json', '{"cells": ')
})

const cases: readonly (readonly [what: string, args: readonly string[], code: number, text: string | RegExp])[] = [
  // 2: options
  ['no folder', ['train'], 2, "name a folder of class folders: regraft train FOLDER (see 'regraft train --help')"],
  ['no images to classify', ['predict', 'model'], 2, 'name images to classify: regraft predict RUN IMAGE…'],
  ['a precision that is none', ['predict', 'model', 'x.jpg', '--precision', 'fp16'], 2, 'option precision: '],
  [
    'names of classes for a run',
    ['predict', 'model', 'images/circle', '--classes', 'notes.txt'],
    2,
    '--classes says how --weights is read; pass --weights FILE with it',
  ],
  [
    'images enlarged without measure',
    ['train', 'images', '--network', 'resnet18-narrow', '--weights', 'none', '--size', '832', '--crop', '0.1'],
    2,
    'images would be resized to 8320 pixels, of which 832 are seen, and 8192 are the most; give a smaller --size or a larger --crop',
  ],
  [
    'a way to see images for a run',
    ['predict', 'model', 'images/circle', '--crop-mode', 'squash'],
    2,
    '--crop-mode says how --weights is read; pass --weights FILE with it',
  ],
  [
    'a trunk without a head',
    ['explain', '--weights', trunk, 'images/circle'],
    4,
    "holds the trunk of resnet18-narrow without its last layer 'fc', so it classifies nothing yet; train with it",
  ],
  ['a missing argument', ['evaluate'], 2, "missing required argument 'run'"],
  [
    'data beside --resume',
    ['train', 'images', '--resume', 'x'],
    2,
    "--resume goes on with the run's own data and options; leave out images",
  ],
  ['an option beside --resume', ['train', '--resume', 'x', '--crop-mode', 'center'], 2, 'leave out --crop-mode'],
  [
    'a config file that is not there',
    ['train', 'images', '--config', 'no.yaml'],
    2,
    'the config file no.yaml cannot be read',
  ],
  [
    'a config file that is no YAML',
    ['train', 'images', '--config', 'broken.yaml'],
    2,
    'the config file broken.yaml cannot be read',
  ],
  [
    'a config file of another kind',
    ['train', 'images', '--config', 'list.yaml'],
    2,
    "the config file list.yaml must hold 'name: value' lines, like 'epochs: 10'",
  ],
  [
    'a typo in a config file',
    ['train', 'images', '--config', 'typo.yaml'],
    2,
    "typo.yaml: there is no option 'epoch'; did you mean 'epochs'?",
  ],
  [
    'shares that are no shares',
    ['audit', 'images', '--split', '7-2-1'],
    2,
    "option split: expected three numbers like '7:2:1'",
  ],
  [
    'a file whose name says another format',
    ['export', 'model', '--out', 'photos.pt'],
    2,
    '--out photos.pt: .pt is none of .onnx, .safetensors, .pth; name the file so, or pass --format',
  ],
  ['a network to describe', ['describe', 'resnet5'], 2, "there is no network 'resnet5'; did you mean 'resnet50'?"],
  [
    'an address that is none',
    ['train', 'images', '--weights', 'https://'],
    2,
    "'https://' is no address; write it as https://host/path/weights.pth",
  ],
  [
    'more threads than make sense',
    ['train', 'images', '--threads', '100000'],
    2,
    'option threads: expected at most 512',
  ],
  [
    'so many threads before anything is measured with them',
    ['predict', 'model', 'x.jpg', '--precision', 'auto', '--threads', '100000'],
    2,
    'option threads: expected at most 512',
  ],
  ['half an epoch', ['train', 'images', '--epochs', '1.5'], 2, 'option epochs: expected a whole number'],
  ['a folder for a study', ['study', 'images'], 2, 'images is a folder, not a study'],
  ['a sweep of no steps', ['find-lr', 'images', '--steps', '0'], 2, '--steps 0: expected a whole number, 8 or more'],
  // 3: images
  ['a link to itself', ['audit', 'circular'], 3, 'the link circular leads in a circle; check the path'],
  ['a folder to audit', ['audit', 'nowhere'], 3, 'there is no folder nowhere; check the path'],
  ['a file for a folder', ['audit', 'notes.txt'], 3, 'notes.txt is a file, not a folder'],
  ['an empty folder', ['audit', 'empty'], 3, 'empty has no class folders (it is empty): expected one folder per class'],
  [
    'a folder without classes',
    ['audit', 'flat'],
    3,
    'flat has no class folders (it holds 1 file): expected one folder per class',
  ],
  [
    'labels of one class',
    ['audit', 'images', '--labels', 'labels.csv'],
    3,
    /labels\.csv has one class only \(round\)|there is no file circle\/0\.jpg/,
  ],
  // 4: weights
  [
    'a file without weights',
    ['train', 'images', ...narrow, '--weights', 'notes.txt'],
    4,
    'notes.txt is no file of weights that is known here (PyTorch .pth or .pt, safetensors)',
  ],
  [
    'weights that are not there',
    ['train', 'images', ...narrow, '--weights', 'no.pth'],
    4,
    'there is no weights file no.pth; check the path',
  ],
  [
    'weights of another network',
    ['train', 'images', '--network', 'resnet50', '--weights', trunk],
    4,
    /demo-trunk\.safetensors/,
  ],
  [
    'published weights of other networks',
    ['train', 'images', ...narrow, '--weights', 'imagenet1k-v1'],
    4,
    "resnet18-narrow has no weights 'imagenet1k-v1'; it has: ",
  ],
  [
    'published weights of several networks',
    ['train', 'images', '--weights', 'imagenet1k-v1'],
    4,
    '--weights imagenet1k-v1 needs --network, since several networks have such weights',
  ],
  // 5: network
  [
    'a server that does not answer',
    ['train', 'images', ...narrow, '--weights', 'http://127.0.0.1:9/x.pth'],
    5,
    /x\.pth cannot be downloaded from http:\/\/127\.0\.0\.1:9\/x\.pth \(.*\); without a network, put the file at/,
  ],
  // 7: run folders
  [
    'no run to go on with',
    ['train', '--resume', 'nowhere'],
    7,
    "nowhere holds no run (there is no config.json); name a folder that 'regraft train' made",
  ],
  ['a damaged run', ['train', '--resume', 'damaged'], 7, 'damaged/config.json is damaged: it is no JSON object'],
  ['a run that lacks something', ['train', '--resume', 'lacking'], 7, 'lacking/config.json is damaged: network:'],
  [
    'classes that have changed',
    ['train', '--resume', 'changed'],
    3,
    /the classes in .*images are no longer those of changed; restore them, or start a new run/,
  ],
  [
    'weights that have changed',
    ['train', '--resume', 'other-weights'],
    7,
    /demo-trunk\.safetensors is not the file that other-weights began with; restore it, or start a new run/,
  ],
  ['no trained model', ['evaluate', 'images'], 7, /images holds no run|images holds no trained model/],
  [
    'a damaged model',
    ['predict', 'model', 'images/circle'],
    7,
    'model/model.json is damaged; train again, or take the folder from a backup',
  ],
  [
    'a run that has not finished, and no dashboard',
    ['serve', 'changed', '--no-dashboard'],
    7,
    'changed holds no trained model, and --no-dashboard leaves nothing else to serve; name a run that has finished',
  ],
  [
    'no model to export',
    ['export', 'images'],
    7,
    "images holds no trained model; name a folder that 'regraft train' has finished (predict and explain take --weights",
  ],
  ['a damaged result', ['report', 'unreadable'], 7, 'unreadable/result.json is damaged: it is no JSON object'],
  ['a damaged study', ['report', 'study'], 7, 'study/study.json is damaged: it is no JSON object'],
  [
    'a file for the run folder',
    ['train', 'images', ...narrow, '--weights', 'none', '--run', 'notes.txt'],
    7,
    'notes.txt cannot be written: there is a file where a folder should be; choose another folder',
  ],
  [
    'a run folder below a file',
    ['train', 'images', ...narrow, '--weights', 'none', '--run', 'notes.txt/run'],
    7,
    'notes.txt/run cannot be written: a part of it is a file; choose another folder',
  ],
  ['a file for a folder of runs', ['runs', 'notes.txt'], 7, 'there is no folder notes.txt; name the folder that holds'],
  // 8: engines
  [
    'an engine that cannot do it',
    ['train', 'images', ...narrow, '--weights', 'none', '--engine', 'onnxruntime', '--precision', 'bf16', '--run', 'b'],
    8,
    'no engine can run this in bfloat16: onnxruntime: ',
  ],
]

type Case = (typeof cases)[number]
const saidOf = (outcome: Awaited<ReturnType<typeof regraft>>, [, , code, text]: Case) => {
  expect(outcome.stderr).toMatch(
    text instanceof RegExp ? text : new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')),
  )
  expect(outcome.stderr).not.toMatch(/^\s+at /m)
  expect([outcome.code, outcome.stdout]).toEqual([code, ''])
}

describe('what a person can get wrong is said in words, without a stack trace, and has its exit code', () => {
  it.each(cases)('%s', async (...one) => {
    saidOf(await regraftHere(one[1], { cwd: folder.path }), one)
  })

  const ofEachCode = [...new Map(cases.map(one => [one[2], one])).values()]
  it.concurrent.each(ofEachCode)('%s, which ends the process with that code', async (...one) => {
    saidOf(await regraft(one[1], { cwd: folder.path }), one)
  })
})

// Other systems have no such names.
it.skipIf(process.platform !== 'linux')('a name that is not UTF-8 is named', async () => {
  const latin1 = Buffer.concat([Buffer.from(at('names/v')), Buffer.of(0xe9), Buffer.from('lo')])
  mkdirSync(latin1, { recursive: true })
  const { code, stderr } = await regraftHere(['audit', 'names'], { cwd: folder.path })
  expect([code, stderr]).toEqual([3, 'error: the name names/v\ufffdlo is not UTF-8; rename it\n'])
})

describe('runs', () => {
  it('lists what it can read, and names what it cannot', async () => {
    const { code, stdout, stderr } = await regraftHere(['runs', '.'], { cwd: folder.path })
    expect([code, stderr]).toEqual([0, expect.stringContaining('warning: left out: damaged/config.json is damaged')])
    expect(stdout).toContain('other-weights')
  })
})

describe('output', () => {
  it.skipIf(!existsSync('/dev/full'))('that nobody can take ends the command in words', async () => {
    const { code, stderr } = await regraft(['describe', 'resnet18'], { output: '/dev/full' })
    expect([code, stderr]).toEqual([130, 'interrupted: the output cannot be written (ENOSPC)\n'])
  })

  it('that has a folder in its way leaves nothing beside it', async () => {
    const { code, stderr } = await regraftHere(['audit', 'images', '--html', 'empty'], { cwd: folder.path })
    expect([code, stderr]).toEqual([
      7,
      expect.stringContaining('empty cannot be written: that is a folder; name a file'),
    ])
    expect(readdirSync(folder.path).filter(name => name.endsWith('.part'))).toEqual([])
  })
})

describe('audit', () => {
  it('prints a summary and writes a page', async () => {
    const { code, stdout } = await regraftHere(['audit', 'images'], { cwd: folder.path })
    expect(stdout).toMatch(/^12 images in 3 classes; 0 other files\n/)
    expect(stdout).toContain('all images can be decoded')
    expect(stdout).toContain('With pictures: images-audit.html')
    expect(readFileSync(at('images-audit.html'), 'utf8')).toContain('<h1>Data audit</h1>')
    expect(code).toBe(0)
  })

  it('gives everything as JSON', async () => {
    const { stdout } = await regraftHere(['audit', 'images', '--json'], { cwd: folder.path })
    expect(JSON.parse(stdout)).toMatchObject({ images: 12, bad: [], formats: { JPEG: 12 } })
  })
})

it('an old Node is told which one is needed', async () => {
  const old = "Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.9.0'}})"
  const { code, stderr } = await regraft(['runs'], { env: { NODE_OPTIONS: `--import=data:text/javascript,${old}` } })
  expect(stderr).toMatch(/^error: regraft needs Node 20\.19 or later, .*; this is Node 20\.9\.0\n$/)
  expect(code).toBe(2)
})

it('the documentation explains every exit code', async () => {
  const { stdout } = await regraft(['--help'])
  const codes = stdout.split('Exit codes: ')[1]?.match(/\d+/g)
  const explained = readFileSync(join(import.meta.dirname, '..', 'docs', 'errors.md'), 'utf8').match(/^\| *(\d+) /gm)
  expect(explained?.map(row => row.replace(/\D/g, ''))).toEqual(codes)
})
