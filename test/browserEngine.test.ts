/** The WebGPU engine in a real browser: graphs and gradients as in Node. */
import { writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { build } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { reason, support } from '../dist/engines/webgpu/here.testing.js'
import { webgpuEngine } from '../dist/engines/webgpu/index.js'
import { network, networkStep } from '../dist/engines/webgpu/network.testing.js'
import { gradientStep } from '../dist/graph/index.js'
import { networkGraph, networkNamed } from '../dist/models/index.js'
import { chromiumHere, temporaryFolder } from './support.js'

const program = chromiumHere
const lacking = program ? reason : "Debian's chromium, or CHROMIUM=PATH"
const title =
  program && support.ok
    ? 'the WebGPU engine in a browser'
    : `the WebGPU engine in a browser (skipped: needs ${lacking})`

const page =
  '<!doctype html><title>test</title><script type="module">import * as regraft from "/regraft.js"; globalThis.regraft = regraft</script>'
/** What the page has: the browser's part of the package, and the network that is tried. */
type InPage = typeof import('../dist/browser.js') & typeof import('../dist/engines/webgpu/network.testing.js')

describe.skipIf(!program || !support.ok)(title, () => {
  let script: string
  let server: Server
  let browser: Browser
  let tab: Page
  let folder: Awaited<ReturnType<typeof temporaryFolder>>

  beforeAll(async () => {
    folder = await temporaryFolder()
    const entry = join(folder.path, 'entry.js')
    const parts = ['dist/browser.js', 'dist/engines/webgpu/network.testing.js']
    await writeFile(entry, parts.map(path => `export * from ${JSON.stringify(resolve(path))}\n`).join(''))
    const built = await build({
      configFile: false,
      logLevel: 'error',
      build: {
        write: false,
        minify: false,
        target: 'es2022',
        lib: { entry, formats: ['es'], fileName: 'regraft' },
        rollupOptions: { external: /^node:/ },
      },
    })
    const [bundle] = [built].flat() as { output: { code: string }[] }[]
    script = bundle!.output[0]!.code
    server = createServer(({ url }, answer) => {
      answer.setHeader('Content-Type', url === '/regraft.js' ? 'text/javascript' : 'text/html')
      answer.end(url === '/regraft.js' ? script : page)
    })
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
    const flags = ['--no-sandbox', '--no-first-run', '--disable-background-networking', '--disable-component-update']
    const gpu = [
      '--enable-unsafe-webgpu',
      '--use-webgpu-adapter=swiftshader',
      '--enable-features=Vulkan',
      '--enable-dawn-features=disable_workgroup_init',
    ]
    browser = await chromium.launch({ executablePath: program!, args: [...flags, '--disable-sync', ...gpu] })
    tab = await browser.newPage()
    await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    await tab.waitForFunction(() => 'regraft' in globalThis)
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    server?.close()
    await folder.remove()
  })

  it('is bundled without anything of Node', () => {
    expect(script).not.toMatch(/from ["']node:|require\(/)
  })

  it('differentiates the networks that Node differentiates', async () => {
    const size = { classes: 3, batch: 2, size: 32 }
    const found = await tab.evaluate(size => {
      const { gradientStep, networkGraph, networkNamed } = (globalThis as unknown as { regraft: InPage }).regraft
      const { graph } = gradientStep(networkGraph(networkNamed('resnet18-narrow'), size))
      return JSON.stringify([[...graph.values], graph.nodes, graph.outputs, [...graph.updates]])
    }, size)
    const { graph } = gradientStep(networkGraph(networkNamed('resnet18-narrow'), size))
    expect(JSON.parse(found)).toEqual(
      JSON.parse(JSON.stringify([[...graph.values], graph.nodes, graph.outputs, [...graph.updates]])),
    )
  })

  it('gives the loss and every gradient that Node gives', async () => {
    const { gradients } = gradientStep(network())
    const expected = await networkStep(graph => webgpuEngine.compile(graph))
    const found = await tab.evaluate(async () => {
      const { compileOn, networkStep } = (globalThis as unknown as { regraft: InPage }).regraft
      const adapter = await navigator.gpu.requestAdapter()
      if (!adapter) throw new Error('the browser has no GPU')
      const { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage } = adapter.limits
      const device = await adapter.requestDevice({
        requiredFeatures: adapter.features.has('subgroups') ? ['subgroups'] : [],
        requiredLimits: { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage },
      })
      const outputs = await networkStep(graph => compileOn(device, graph))
      return Object.fromEntries(Object.entries(outputs).map(([name, own]) => [name, [...own]]))
    })
    expect(Object.keys(found).sort()).toEqual(Object.keys(expected).sort())
    expect(found.loss![0]).toBeCloseTo(expected.loss![0]!, 5)
    expect([...gradients.keys()]).toContain('conv1.weight')
    for (const name of gradients.values()) {
      const norm = Math.hypot(...expected[name]!)
      const error = Math.hypot(...expected[name]!.map((value, i) => value - found[name]![i]!))
      expect(error / norm, name).toBeLessThan(1e-4)
    }
  }, 300_000)
})
