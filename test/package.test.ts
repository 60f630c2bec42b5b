/** The package as npm makes it: installed into an empty folder, used as a command and as a typed library. */
import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { shapeImages, temporaryFolder } from './support.js'

const run = promisify(execFile)
const examples = readdirSync('examples').filter(name => /\.[jt]s$/.test(name))
let folder: Awaited<ReturnType<typeof temporaryFolder>>
const at = (...parts: string[]) => join(folder.path, ...parts)
const installed = (...parts: string[]) => at('app', 'node_modules', 'regraft', ...parts)
const npm = (cwd: string, ...args: string[]) =>
  run('npm', args, { cwd, env: { ...process.env, npm_config_audit: 'false', npm_config_fund: 'false' } })

beforeAll(async () => {
  folder = await temporaryFolder()
  await mkdir(at('app'))
  await npm(resolve('.'), 'pack', '--pack-destination', folder.path)
  const archive = readdirSync(folder.path).find(name => name.endsWith('.tgz')) as string
  await writeFile(at('app', 'package.json'), '{ "type": "module", "private": true }')
  await npm(at('app'), 'install', `../${archive}`)
  await shapeImages(at('app', 'images'), 12)
}, 300_000)
afterAll(() => folder.remove())

it('holds the demo trunk and the sources of the native engine, and nothing that only tests use', () => {
  expect(existsSync(installed('assets', 'demo-trunk.safetensors'))).toBe(true)
  expect(existsSync(installed('native', 'src', 'addon.cc'))).toBe(true)
  const files = readdirSync(installed(), { recursive: true }).map(String)
  expect(files.filter(name => /\.(test|testing)\.|base\/shared\./.test(name))).toEqual([])
})

it('holds what its README and documents lead to', async () => {
  const documents = readdirSync(installed(), { recursive: true }).map(String)
  for (const document of documents.filter(name => /^(docs\/|examples\/)?[^/]+\.md$/.test(name))) {
    const links = (await readFile(installed(document), 'utf8')).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)
    for (const [, link] of links)
      if (!link?.includes('://')) expect(installed(dirname(document), link as string)).toSatisfy(existsSync)
  }
})

it('holds the licences of what is bundled into its page, and of its fonts', async () => {
  const licences = await readFile(installed('dist', 'web', 'licences.md'), 'utf8')
  for (const holder of ['Jason Miller', 'Leon Sorokin']) expect(licences).toContain(holder)
  expect(await readFile(installed('assets', 'fonts', 'OFL.txt'), 'utf8')).toContain('SIL Open Font License')
})

it('is put together as bundlers and TypeScript expect it', async () => {
  const archive = at(readdirSync(folder.path).find(name => name.endsWith('.tgz')) as string)
  const tool = (name: string, ...args: string[]) => run('npx', [name, ...args], { cwd: resolve('.') })
  const { stdout } = await tool('publint', '--strict', archive)
  expect(stdout).toContain('All good')
  await tool('attw', archive, '--profile', 'esm-only') // fails where it finds a problem
}, 120_000)

it('trains and predicts by the command', async () => {
  const args = [
    'regraft',
    'train',
    'images',
    '--network',
    'resnet18-narrow',
    '--epochs',
    '2',
    '--batch-size',
    '8',
    '--run',
    'first',
  ]
  const { stdout } = await run('npx', args, { cwd: at('app') })
  expect(stdout).toContain('epoch 2/2')
  const predicted = await run('npx', ['regraft', 'predict', 'first', 'images/circle/1.jpg'], { cwd: at('app') })
  expect(predicted.stdout).toMatch(/images\/circle\/1.jpg\s+(circle|square|stripes)/)
}, 120_000)

it('is imported with types', async () => {
  await writeFile(
    at('app', 'use.ts'),
    [
      "import { type Dataset, imageFolder, RegraftError, train } from 'regraft'",
      "const data: Dataset = await imageFolder('images')",
      "const options = { network: 'resnet18-narrow', epochs: 1, batchSize: 8, lrBackbone: 0, run: 'second' } as const",
      'const { result } = await train(data, options)',
      'const top1: number = result.test?.top1 ?? 0',
      "console.log(top1 >= 0, new RegraftError('usage', 'x').code)",
      '// @ts-expect-error epochs is a number',
      "await train(data, { epochs: 'many' }).catch(() => {})",
    ].join('\n'),
  )
  const tsc = resolve('node_modules/typescript/bin/tsc')
  const flags = ['--module', 'NodeNext', '--target', 'ES2022', '--strict', '--skipLibCheck', 'use.ts']
  await run(process.execPath, [tsc, ...flags], { cwd: at('app') })
  const { stdout } = await run(process.execPath, ['use.js'], { cwd: at('app') })
  expect(stdout).toBe('true usage\n')
}, 120_000)

it('has types and examples that fit into strict projects, as Node and as bundlers find them, with libraries checked', async () => {
  for (const name of examples) await cp(resolve('examples', name), at('app', name))
  const page = "import { compileOn, type Graph, type Program } from 'regraft/browser'"
  const use = 'export const go = (device: GPUDevice, graph: Graph): Promise<Program> => compileOn(device, graph)'
  await writeFile(at('app', 'page.ts'), `${page}\n${use}\n`)
  const tsc = resolve('node_modules/typescript/bin/tsc')
  const types = ['--typeRoots', resolve('node_modules/@types'), '--types', 'node']
  const files = [...examples.filter(name => name.endsWith('.ts')), 'page.ts']
  const check = (...flags: string[]) =>
    run(process.execPath, [tsc, '--noEmit', '--strict', '--target', 'ES2022', ...types, ...flags, ...files], {
      cwd: at('app'),
    }).catch(error => error)
  for (const module of [['--module', 'NodeNext'], '--module ESNext --moduleResolution Bundler'.split(' ')])
    for (const exact of ['true', 'false'])
      expect((await check(...module, '--exactOptionalPropertyTypes', exact)).stdout).toBe('')
}, 120_000)

it('says what is missing where npm was told to leave out optional packages', async () => {
  const doctor = async () => (await run('npx', ['regraft', 'doctor'], { cwd: at('app') })).stdout
  expect(await doctor()).toMatch(/^images {5}sharp 0\.\S+, libvips \S+$/m)
  const packages = at('app', 'node_modules', '@img')
  for (const name of readdirSync(packages).filter(name => name.startsWith('sharp-')))
    await rm(join(packages, name), { recursive: true })
  const said = /images cannot be decoded, .*; 'npm install --include=optional sharp' brings it/
  const { code, stderr } = await run('npx', ['regraft', 'train', 'images'], { cwd: at('app') }).catch(error => error)
  expect(stderr).toMatch(new RegExp(`^error: ${said.source}.*\\n$`))
  expect(code).toBe(2)
  expect(await doctor()).toMatch(new RegExp(`^images {5}not available: ${said.source}`, 'm'))
}, 60_000)

it('says that the portable engine is damaged', async () => {
  const folder = at('app', 'node_modules', 'onnxruntime-node')
  const binaries = join(folder, 'bin', 'napi-v3', process.platform, process.arch)
  await rm(join(binaries, 'onnxruntime_binding.node'))
  const { stdout } = await run('npx', ['regraft', 'doctor'], { cwd: at('app') })
  expect(stdout).toContain(
    `engine     onnxruntime: not available: ${binaries} holds no onnxruntime_binding.node; remove the folder ${folder}, and 'npm install' brings it anew`,
  )
}, 60_000)
