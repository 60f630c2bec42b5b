/** The fast engine as an npm package: both packages in an empty folder, with neither compiler nor oneDNN in reach. */
import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { shapeImages, temporaryFolder } from './support.js'

const run = promisify(execFile)
const packages = resolve('build/packages')
const native = existsSync(packages)
  ? readdirSync(packages).find(name => name.startsWith('regraft-onednn-') && name.endsWith('.tgz'))
  : undefined
const title = native
  ? 'the package of the fast engine'
  : 'the package of the fast engine (skipped: needs npm run pack:native -- --out build/packages)'

describe.skipIf(!native)(title, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  const at = (...parts: string[]) => join(folder.path, ...parts)
  const app = (...parts: string[]) => at('app', ...parts)
  /** Node with nothing beside it: no compiler, and no path to a library. */
  const regraft = (...args: string[]) =>
    run(at('bin', 'node'), [app('node_modules', 'regraft', 'dist', 'cli', 'main.js'), ...args], {
      cwd: app(),
      env: { PATH: at('bin'), HOME: at('home'), TMPDIR: at('tmp') },
    })

  beforeAll(async () => {
    folder = await temporaryFolder()
    for (const name of ['app', 'bin', 'home', 'tmp']) await mkdir(at(name))
    await symlink(process.execPath, at('bin', 'node'))
    await run('npm', ['pack', '--pack-destination', folder.path])
    const main = readdirSync(folder.path).find(name => name.endsWith('.tgz')) as string
    await writeFile(app('package.json'), '{ "type": "module", "private": true }')
    const install = ['install', '--no-audit', '--no-fund', at(main), join(packages, native as string)]
    await run('npm', install, { cwd: app() })
    await shapeImages(app('images'), 12)
  }, 300_000)
  afterAll(() => folder.remove())

  it('is the engine that is chosen', async () => {
    const { stdout } = await regraft('doctor')
    expect(stdout).toMatch(/engine {5}onednn: ready, chosen/)
  }, 60_000)

  it('trains and predicts', async () => {
    const args = ['train', 'images', '--network', 'resnet18-narrow', '--epochs', '2', '--batch-size', '8']
    const { stdout } = await regraft(...args, '--engine', 'onednn', '--run', 'first')
    expect(stdout).toContain('epoch 2/2')
    const predicted = await regraft('predict', 'first', 'images/circle/1.jpg')
    expect(predicted.stdout).toMatch(/images\/circle\/1.jpg\s+(circle|square|stripes)/)
  }, 120_000)

  it('brings the licences of what is in it, in full', async () => {
    const licence = (...name: string[]) =>
      readFile(app('node_modules', '@regraft', 'onednn-linux-x64', 'licences', ...name), 'utf8')
    expect(await licence('onednn', 'LICENSE')).toContain('Apache License')
    expect(await licence('onednn', 'THIRD-PARTY-PROGRAMS')).toContain('XByak')
    expect(await licence('libgomp', 'copyright')).toContain('GCC RUNTIME LIBRARY EXCEPTION')
    expect(await licence('libgomp', 'GPL-3')).toContain('GNU GENERAL PUBLIC LICENSE')
  })

  it('brings the libraries that it runs on', async () => {
    await writeFile(
      app('loaded.js'),
      [
        "import { readFileSync } from 'node:fs'",
        "import { loadAddon } from './node_modules/regraft/dist/base/addon.js'",
        'loadAddon()',
        "const maps = readFileSync('/proc/self/maps', 'utf8').split('\\n').map(line => line.slice(73))",
        'console.log([...new Set(maps.filter(path => /dnnl|gomp/.test(path)))].join())',
      ].join('\n'),
    )
    const { stdout } = await run(at('bin', 'node'), ['loaded.js'], { cwd: app(), env: { PATH: at('bin') } })
    const libraries = stdout.trim().split(',')
    expect(libraries).toHaveLength(2)
    for (const path of libraries) expect(path).toContain('/node_modules/@regraft/onednn-')
  })

  it('is passed over where it is of another version, and doctor says so', async () => {
    const list = app('node_modules', '@regraft', 'onednn-linux-x64', 'package.json')
    const description = await readFile(list, 'utf8')
    await writeFile(list, description.replace(/"version": ".*?"/, '"version": "0.0.9"'))
    const { stdout } = await regraft('doctor')
    await writeFile(list, description)
    expect(stdout).toContain('@regraft/onednn-linux-x64 is version 0.0.9, regraft')
    expect(stdout).toMatch(/engine {5}onnxruntime: ready, chosen/)
  }, 60_000)

  it('is passed over where a file of it is cut off or missing, and doctor says so in a line', async () => {
    const folder = app('node_modules', '@regraft', 'onednn-linux-x64')
    const anew = `remove the folder ${folder}, and 'npm install' brings it anew`
    const addons = readdirSync(folder).filter(name => name.endsWith('.node'))
    for (const names of [['libdnnl.so.3'], ['libgomp.so.1'], addons]) {
      const whole = await Promise.all(names.map(name => readFile(join(folder, name))))
      for (const [i, bytes] of whole.entries())
        await writeFile(join(folder, names[i] as string), bytes.subarray(0, bytes.length >> 1))
      const { stdout } = await regraft('doctor')
      expect(stdout).toMatch(/^engine {5}onednn: not available: .* is cut off\); remove the folder /m)
      expect(names.some(name => stdout.includes(`(${name} is cut off); ${anew}`))).toBe(true)
      expect(stdout).toMatch(/engine {5}onnxruntime: ready, chosen/)
      for (const [i, bytes] of whole.entries()) await writeFile(join(folder, names[i] as string), bytes)
    }
    for (const name of addons) await rm(join(folder, name))
    const { stdout } = await regraft('doctor')
    expect(stdout).toMatch(
      /^engine {5}onednn: not available: .*; remove the folder .*, and 'npm install' brings it anew$/m,
    )
    await rm(folder, { recursive: true })
    expect((await regraft('doctor')).stdout).toContain("'npm install' without --omit=optional brings the first")
  }, 120_000)
})
