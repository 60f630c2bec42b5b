/** The exported page in a real browser: the classes and probabilities of `regraft predict`, with no server behind it. */
import { readFileSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { imageFolder, predict, train } from '../dist/index.js'
import { chromiumHere, regraftHere, shapeImages, temporaryFolder } from './support.js'

const program = chromiumHere
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
}
const hostile = '<img src=x onerror=alert(1)>'

describe.skipIf(!program)(program ? 'the exported page' : 'the exported page (skipped: needs chromium)', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let server: Server
  let browser: Browser
  let tab: Page
  const problems: string[] = []
  const asked: string[] = []
  const at = (...parts: string[]) => join(folder.path, ...parts)

  beforeAll(async () => {
    folder = await temporaryFolder()
    await shapeImages(at('images'), 12)
    // Turned by its camera, and half transparent: what a browser and sharp could see differently
    await sharp(at('images', 'circle', '3.jpg'))
      .withMetadata({ orientation: 6 })
      .toFile(at('turned.jpg'))
    const clear = { r: 200, g: 20, b: 20, alpha: 0.4 }
    await sharp({ create: { width: 90, height: 60, channels: 4, background: clear } })
      .png()
      .toFile(at('clear.png'))
    await mkdir(at('images', hostile))
    for (let i = 0; i < 12; i++)
      await sharp({ create: { width: 48, height: 48, channels: 3, background: { r: 20 * i, g: 90, b: 250 } } })
        .jpeg()
        .toFile(at('images', hostile, `${i}.jpg`))
    const options = { network: 'resnet18-narrow', size: 48, batchSize: 8, epochs: 6, lrBackbone: 0.05, lrHead: 0.05 }
    await train(await imageFolder(at('images')), { ...options, seed: 1, run: at('run') } as const)
    const exported = await regraftHere(['export', at('run'), '--web', at('page')], { cwd: folder.path })
    expect(exported.stderr).toBe('')
    expect(exported.stdout).toMatch(/page: 1\d files, .*MB; open its index.html by way of a web server/)
    expect(exported.stdout).toMatch(/checked in ONNX Runtime on \d+ test images: largest difference .*e-/)

    server = createServer(async ({ url = '/' }, answer) => {
      asked.push(url)
      const name = url === '/' ? 'index.html' : url.slice(1)
      const bytes = await readFile(at('page', name)).catch(() => undefined)
      answer.writeHead(bytes ? 200 : 404, { 'Content-Type': types[extname(name)] ?? 'application/octet-stream' })
      answer.end(bytes)
    })
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
    const flags = ['--no-sandbox', '--no-first-run', '--disable-background-networking', '--disable-component-update']
    browser = await chromium.launch({ executablePath: program!, args: [...flags, '--disable-sync'] })
    tab = await browser.newPage()
    tab.on('pageerror', error => problems.push(error.message))
    tab.on('console', message => message.type() === 'error' && problems.push(message.text()))
    await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    await tab.getByText('Ready', { exact: true }).waitFor()
  }, 240_000)
  afterAll(async () => {
    await browser?.close()
    server?.close()
    await folder?.remove()
  })

  /** What the page shows of an image: classes and percentages, the best first. */
  async function shown(name: string): Promise<[string, number][]> {
    const card = tab.locator('article', { hasText: name })
    await card.locator('li').first().waitFor()
    const rows = await card
      .locator('li')
      .evaluateAll(items => items.map(li => [...li.children].map(c => c.textContent)))
    return rows.map(([label, share]) => [label as string, Number.parseFloat(share as string) / 100])
  }

  it('classifies as predict does, also what a camera turned and what is transparent', async () => {
    const files = [at('images', 'circle', '0.jpg'), at('images', 'stripes', '5.jpg'), at('turned.jpg'), at('clear.png')]
    await tab.locator('#file').setInputFiles(files)
    for await (const prediction of predict(at('run'), files, { top: 4 })) {
      if ('error' in prediction) throw new Error(prediction.error)
      const found = await shown(prediction.path.split('/').at(-1)!)
      expect(found[0]![0]).toBe(prediction.scores[0]!.class)
      for (const score of prediction.scores)
        expect(Math.abs(found.find(([name]) => name === score.class)![1] - score.probability)).toBeLessThan(0.01)
    }
  })

  it('shows names as they are written, and runs none of them', async () => {
    expect(await tab.locator('li', { hasText: hostile }).count()).toBeGreaterThan(0)
    expect(await tab.locator('li img').count()).toBe(0)
  })

  it('says what it cannot read, and goes on', async () => {
    await writeFile(at('notes.jpg'), 'no image')
    await tab.locator('#file').setInputFiles([at('notes.jpg'), at('images', 'square', '2.jpg')])
    await tab.locator('article', { hasText: 'notes.jpg' }).getByText('not an image that this browser reads').waitFor()
    expect(await shown('2.jpg')).toHaveLength(4)
  })

  it('is accessible, in light and dark, and asks nobody else for anything', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await tab.emulateMedia({ colorScheme })
      // The policy of the page lets no other script in
      const own = await browser.newContext({ bypassCSP: true, colorScheme })
      const open = await own.newPage()
      await open.goto(tab.url())
      await open.getByText('Ready', { exact: true }).waitFor()
      await open.locator('#file').setInputFiles([at('images', 'circle', '0.jpg')])
      await open.locator('li').first().waitFor()
      await open.evaluate(axe)
      const { violations } = await open.evaluate(() =>
        (globalThis as unknown as { axe: { run(): Promise<{ violations: { id: string }[] }> } }).axe.run(),
      )
      expect(violations.map(({ id }) => id)).toEqual([])
      await own.close()
    }
    expect(problems).toEqual([])
    expect([...new Set(asked)].sort()).toEqual([
      '/',
      '/classifier.js',
      '/icon.svg',
      '/index.css',
      '/model.json',
      '/model.onnx',
      '/ort-wasm-simd-threaded.mjs',
      '/ort-wasm-simd-threaded.wasm',
      '/ort.wasm.min.mjs',
      '/worker.js',
    ])
  })

  it('refuses a folder that holds something else, and options that say otherwise', async () => {
    await mkdir(at('full'))
    await writeFile(at('full', 'thesis.txt'), 'mine')
    const into = await regraftHere(['export', at('run'), '--web', at('full')], { cwd: folder.path })
    expect(into.stderr).toMatch(/full holds other files; name a folder that is empty or not there yet/)
    const both = await regraftHere(['export', at('run'), '--web', at('other'), '--int8'], { cwd: folder.path })
    expect(both.stderr).toMatch(/--web writes a folder of its own; leave out --int8/)
    expect([into.code, both.code]).toEqual([2, 2])
  })
})
