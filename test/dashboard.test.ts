/** The dashboard as people use it: a real Chromium, on runs that really trained. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Server, startServer } from '../dist/server/index.js'
import { chromiumHere, command, regraftHere, shapeImages, temporaryFolder } from './support.js'

const program = chromiumHere
const title = program ? 'the dashboard' : "the dashboard (skipped: needs Debian's chromium, or CHROMIUM=PATH)"
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
/** A class that would run a script where names are not escaped. */
const hostile = '<img src=x onerror=document.title=1>'

describe.skipIf(!program)(title, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let server: Server
  let browser: Browser
  let page: Page
  const problems: string[] = []
  const at = (...parts: string[]) => join(folder.path, ...parts)
  const small = ['--network', 'resnet18-narrow', '--size', '48', '--batch-size', '8', '--augment', 'none']
  const trained = (run: string, ...more: string[]) =>
    regraftHere(['train', at('images'), ...small, '--run', `runs/${run}`, ...more], { cwd: folder.path })

  beforeAll(async () => {
    folder = await temporaryFolder()
    await mkdir(at('runs'))
    await shapeImages(at('images'), 14)
    await rename(at('images', 'stripes'), at('images', hostile))
    // Too low a rate: some test images are mistaken
    await trained('low', '--epochs', '2', '--lr-backbone', '0', '--lr-head', '0.0001')
    await trained('high', '--epochs', '3', '--lr-backbone', '0.005', '--lr-head', '0.05')
    await writeFile(
      at('heads.yaml'),
      'name: heads\nkind: grid\nbase: {network: resnet18-narrow, epochs: 1, size: 48, batchSize: 8, lrBackbone: 0}\nvary: {lrHead: [0.01, 0.1]}\n',
    )
    await regraftHere(['study', 'heads.yaml', at('images'), '--run', 'runs/heads'], { cwd: folder.path })
    server = await startServer(undefined, { port: 0, dashboard: at('runs') })
    const flags = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking']
    browser = await chromium.launch({
      executablePath: program!,
      args: [...flags, '--disable-component-update', '--disable-sync'],
    })
    page = await opened({})
  }, 240_000)
  afterAll(async () => {
    await browser?.close()
    await server?.close()
    await folder?.remove()
  })

  async function opened(options: Parameters<Browser['newPage']>[0]): Promise<Page> {
    const one = await browser.newPage(options)
    one.on('pageerror', error => problems.push(error.message))
    one.on('console', message => message.type() === 'error' && problems.push(message.text()))
    return one
  }
  const go = async (hash: string, on = page) => {
    await on.goto(`${server.url}/#/`)
    await on.evaluate(hash => {
      location.hash = hash
    }, hash)
  }

  it('lists runs and studies, filters them, and sorts them by what they reached', async () => {
    await go('')
    await page.getByRole('link', { name: 'high' }).waitFor()
    const names = () => page.locator('section[aria-label="Runs"] tbody tr td:nth-child(2)').allTextContents()
    expect(await names()).toEqual(expect.arrayContaining(['low', 'high']))
    await page.getByRole('searchbox').fill('lrHead=0.05')
    await expect.poll(names).toEqual(['high'])
    await page.getByRole('searchbox').fill('')
    await page.getByRole('button', { name: 'Test', exact: true }).click()
    await page.getByRole('button', { name: 'Test', exact: true }).click()
    expect(await page.locator('th[aria-sort="descending"]').textContent()).toBe('Test')
    expect((await names()).indexOf('high')).toBeLessThan((await names()).indexOf('low'))
  })

  it('shows what a cell of the confusion matrix holds, with its pictures', async () => {
    await go('#/run/low')
    // Each class as a row and as a column, a long name cut
    await expect
      .poll(async () => (await page.locator('.matrix text').allTextContents()).sort())
      .toEqual(['<img src=x on…', '<img src=x on…', 'circle', 'circle', 'square', 'square'])
    await page.locator('h3', { hasText: 'Most confused' }).waitFor()
    await page.locator('ol button').first().click()
    const pictures = page.locator('[aria-live] .gallery img')
    await pictures.first().waitFor()
    await expect
      .poll(() => pictures.first().evaluate((image: HTMLImageElement) => image.naturalWidth))
      .toBeGreaterThan(0)
    expect(await page.locator('[aria-live] figcaption').first().textContent()).toContain('taken for')
  })

  it('shows names as they are, and runs nothing in them', async () => {
    await go('#/run/high')
    await page.getByRole('button', { name: 'Data' }).click()
    await page.getByRole('cell', { name: hostile }).waitFor()
    expect(await page.title()).toContain('Regraft')
  })

  it('overlays the curves of runs, and shows only the settings that differ', async () => {
    await go('')
    await page.getByLabel('compare low').check()
    await page.getByLabel('compare high').check()
    await page.getByRole('link', { name: 'Compare 2 runs' }).click()
    const columns = page.locator('section[aria-label="Compared runs"] th')
    await page.locator('section[aria-label="Compared runs"]').waitFor()
    const names = await columns.allTextContents()
    expect(names).toEqual(expect.arrayContaining(['lrHead', 'lrBackbone', 'epochs']))
    expect(names).not.toContain('batchSize')
    await page.getByLabel(/Validation accuracy.*over 3 epochs/).waitFor()
    const many = Array.from({ length: 60 }, (_, i) => `run${i}`)
    await go(`#/compare/low/high/${many.join('/')}`)
    await page.getByText('The curves of the first 50 runs are drawn; the table has all of them.').waitFor()
  })

  it('draws a study over parallel axes', async () => {
    await go('#/study/heads')
    await page.locator('svg.parallel path').nth(1).waitFor({ state: 'attached' })
    expect(await page.locator('section[aria-label="Cells of the study"] tbody tr').count()).toBe(2)
  })

  it('says of a study that many machines work on what runs where, what failed and what is left', async () => {
    await cp(at('runs', 'heads'), at('runs', 'pets'), { recursive: true })
    const record = JSON.parse(readFileSync(at('runs', 'pets', 'study.json'), 'utf8'))
    const [first, second] = record.cells
    const [training] = second.runs
    const run = at('runs', 'pets', training.folder)
    await rm(join(run, 'result.json'))
    const sitting = { host: 'grace', cpu: 'AMD EPYC', engine: 'onednn', threads: 2 }
    const began = new Date(Date.now() - 90_000).toISOString()
    await writeFile(join(run, 'machines.jsonl'), `${JSON.stringify({ ...sitting, at: began })}\n`)
    const { folder: _, ...waiting } = { ...training, seed: 1 }
    first.runs[0].seconds = 180
    second.runs = [
      { seed: training.seed, folder: training.folder, state: 'running' },
      { seed: 1, folder: 'later', state: 'waiting' },
      { ...waiting, folder: '../../..', state: 'running' },
      { seed: 2, folder: 'broken', state: 'failed', reason: 'the loss of epoch 1 is no number' },
    ]
    await writeFile(at('runs', 'pets', 'study.json'), JSON.stringify(record))
    await go('#/study/pets')
    await page.getByText('2 running, 1 waiting, 1 failed, about').waitFor()
    const rows = page.locator('section[aria-label="Runs that train now"] tbody tr')
    expect(await rows.first().locator('td').allTextContents()).toEqual([training.folder, 'grace', '1 of 1', '2 min'])
    expect(await rows.nth(1).locator('td').nth(2).textContent()).toBe('starting')
    await page.getByText('the loss of epoch 1 is no number').waitFor()
    await rm(at('runs', 'pets'), { recursive: true })
  })

  it('says of an image of which the network is unsure that it may show none of the classes', async () => {
    await cp(at('runs', 'high'), at('runs', 'sure'), { recursive: true })
    const file = at('runs', 'sure', 'model', 'model.json')
    const model = JSON.parse(readFileSync(file, 'utf8'))
    // As of a network that was surer of every validation image
    await writeFile(file, JSON.stringify({ ...model, rejection: { images: 2, quantiles: [1.01, 1.01] } }))
    // A listing of the folder is good for a second
    const listed = async () => {
      await go('#/try')
      await page.locator('option').first().waitFor({ state: 'attached' })
      return page.locator('option', { hasText: 'sure' }).count()
    }
    await expect.poll(listed, { timeout: 10_000, interval: 500 }).toBe(1)
    await page.getByRole('combobox').selectOption('sure')
    await page.setInputFiles('input[type=file]', at('images/circle/1.jpg'))
    await page.getByText('Perhaps none of these.').waitFor()
    await rm(at('runs', 'sure'), { recursive: true })
  })

  it('says what a dropped image shows, and where; for another class when it is chosen', async () => {
    await go('#/try')
    await page.getByRole('combobox').selectOption('high')
    await page.setInputFiles('input[type=file]', at('images/circle/1.jpg'))
    await page.locator('.bar').first().waitFor()
    const best = await page.locator('.bar .name').first().textContent()
    expect(['circle', 'square', hostile]).toContain(best)
    const overlay = () => page.locator('img.seen').getAttribute('src')
    await expect.poll(overlay).toMatch(/^data:image\/png/)
    const before = await overlay()
    await page.locator('.bar button').last().click()
    await expect.poll(overlay).not.toBe(before)
    await page.setInputFiles('input[type=file]', {
      name: 'notes.txt',
      mimeType: 'text/plain',
      buffer: Buffer.from('hello'),
    })
    await page.getByRole('alert').waitFor()
    expect(await page.getByRole('alert').textContent()).toContain('cannot be decoded')
  })

  it('starts a run like another, shows it live while it trains, and stops it', async () => {
    await go('#/run/high')
    await page.getByLabel('Name').fill('from-the-page')
    await page.getByRole('textbox', { name: 'Epochs' }).fill('5000')
    await page.getByRole('button', { name: 'Start' }).click()
    await page.getByRole('heading', { name: 'from-the-page' }).waitFor({ timeout: 30_000 })
    const epochs = async () => Number((await page.locator('.tile b').first().textContent())?.split(' ')[0])
    await expect.poll(epochs, { timeout: 30_000 }).toBeGreaterThan(0)
    const seen = await epochs()
    await expect.poll(epochs, { timeout: 30_000 }).toBeGreaterThan(seen)
    await page.getByRole('button', { name: 'Stop' }).click()
    await expect.poll(() => page.locator('h1 + .row .state').textContent(), { timeout: 30_000 }).toBe('stopped')
  }, 120_000)

  it('leaves a run that it started training, and ends, when it is told to', async () => {
    const own = spawn(process.execPath, [command, 'serve', at('runs'), '--port', '0'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const url = await new Promise<string>(resolve => {
      let said = ''
      own.stdout.on('data', chunk => {
        said += chunk
        const found = /http:\S+:\d+/.exec(said)
        if (found) resolve(found[0])
      })
    })
    const body = JSON.stringify({ from: 'high', name: 'outlives', epochs: 5000 })
    expect((await fetch(`${url}/api/start`, { method: 'POST', body })).status).toBe(200)
    const ended = once(own, 'exit')
    own.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
    const epochs = () => readFileSync(at('runs', 'outlives', 'metrics.jsonl'), 'utf8').split('\n').length
    const before = existsSync(at('runs', 'outlives', 'metrics.jsonl')) ? epochs() : 0
    await expect
      .poll(() => existsSync(at('runs', 'outlives', 'metrics.jsonl')) && epochs() > before + 1, { timeout: 30_000 })
      .toBe(true)
    expect((await fetch(`${server.url}/api/stop?run=outlives`, { method: 'POST' })).status).toBe(200)
    await expect.poll(() => existsSync(at('runs', 'outlives', 'running.lock')), { timeout: 30_000 }).toBe(false)
    await rm(at('runs', 'outlives'), { recursive: true })
  }, 120_000)

  it('draws what a page can bear of a matrix of a thousand classes', async () => {
    await cp(at('runs', 'high'), at('runs', 'thousand'), { recursive: true })
    const edit = async (name: string, change: object) => {
      const file = at('runs', 'thousand', name)
      await writeFile(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), ...change }))
    }
    const classes = Array.from({ length: 1000 }, (_, i) => `class ${i}`)
    await edit('config.json', { classes })
    // Every class is taken for a hundred others, and for one of them most of all
    const confusion = classes.map((_, t) =>
      classes.map((_, p) => (p === (t + 1) % 1000 ? 9 : p % 10 === t % 10 ? 1 : 0)),
    )
    await edit('result.json', { confusion })
    await expect
      .poll(async () => (await fetch(`${server.url}/api/run?run=thousand`)).status, { timeout: 10_000 })
      .toBe(200)
    await go('#/run/thousand')
    await page.getByText('The 5,000 fullest cells are drawn.').waitFor({ timeout: 30_000 })
    expect(await page.locator('.matrix rect').count()).toBe(5001)
    await page.getByRole('button', { name: 'class 0 → class 1', exact: true }).waitFor()
    await rm(at('runs', 'thousand'), { recursive: true })
  }, 60_000)

  it('opens by a link with the token, also from a page of another site', async () => {
    const token = 'sixteen-letters-or-more'
    const locked = await startServer(undefined, { port: 0, host: '0.0.0.0', token, dashboard: at('runs') })
    const { port } = new URL(locked.url)
    const own = await browser.newPage()
    await own.goto(`http://localhost:${port}/healthz`)
    await own.evaluate(to => {
      const link = document.createElement('a')
      link.href = to
      document.body.append(link)
      link.click()
    }, `http://127.0.0.1:${port}/?token=${token}`)
    await own.getByRole('link', { name: 'high' }).waitFor({ timeout: 30_000 })
    expect(own.url()).not.toContain(token)
    await own.close()
    await locked.close()
  }, 60_000)

  it('says of an address that is none that there is no such run', async () => {
    await go('')
    await page.goto(`${server.url}/#/run/100%`)
    await page.reload()
    await page.getByText('there is no run of that name').waitFor()
  })

  it('refuses to start what it should not', async () => {
    const ask = async (body: object) => {
      const answer = await fetch(`${server.url}/api/start`, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      })
      return [answer.status, ((await answer.json()) as { error: string }).error]
    }
    expect(await ask({ from: 'high', name: '../outside' })).toEqual([400, expect.stringContaining("'name'")])
    expect(await ask({ from: 'high', name: 'low' })).toEqual([409, expect.stringContaining('is there already')])
    expect(await ask({ from: '../../etc', name: 'x' })).toEqual([404, expect.any(String)])
    expect(await ask({ from: 'high', name: 'x', data: '/etc' })).toEqual([400, expect.any(String)])
    expect(existsSync(at('outside'))).toBe(false)
  })

  it('stops nothing but a run that trains', async () => {
    const other = spawn('sleep', ['60'])
    await cp(at('runs/low'), at('runs/lured'), { recursive: true })
    await writeFile(at('runs/lured/running.lock'), `${other.pid} ${hostname()} forged\n`)
    await new Promise(done => setTimeout(done, 1100))
    const answer = await fetch(`${server.url}/api/stop?run=lured`, { method: 'POST' })
    expect(answer.status).toBe(409)
    expect(other.exitCode ?? other.signalCode).toBeNull()
    other.kill()
    await rm(at('runs/lured'), { recursive: true })
  })

  it('gives no file but the pictures of a run’s images', async () => {
    const status = async (path: string) => (await fetch(server.url + path)).status
    expect(await status('/api/picture?run=low&index=0')).toBe(200)
    for (const path of [
      '/api/picture?run=low&index=-1',
      '/api/picture?run=low&index=1e9',
      '/api/picture?run=..&index=0',
      '/api/run?run=../../etc',
      '/api/study?study=..',
      '/assets/../../package.json',
      '/%2e%2e/package.json',
    ])
      expect(await status(path)).toBe(404)
    // A run from elsewhere may say that its images are anywhere
    await cp(at('runs/low'), at('runs/forged'), { recursive: true })
    await writeFile(
      at('runs/forged/predictions.csv'),
      'path,true,predicted,probability,loss\n../../../etc/hostname,circle,square,1,1\n',
    )
    await new Promise(done => setTimeout(done, 1100))
    expect(await status('/api/picture?run=forged&index=0')).toBe(404)
  })

  it('looks at every image when it is asked to, and shows what is odd about them', async () => {
    // Copied after training: the split does not know it
    await cp(at('images', 'circle', '0.jpg'), at('images', 'square', 'copied.jpg'))
    await go('#/run/low')
    await page.getByRole('button', { name: 'Data' }).click()
    const audit = page.getByRole('region', { name: 'Audit' })
    await audit.getByRole('button', { name: 'Look at every image' }).click()
    // Beside the copy there are drawings that are others turned round
    await audit.getByText(/\d+ groups? of images shows? the same picture/).waitFor({ timeout: 60_000 })
    await audit.getByText('All images can be decoded.').waitFor()
    expect(await audit.locator('figcaption').allTextContents()).toEqual(
      expect.arrayContaining([expect.stringMatching(/^circle (train|val|test)$/), 'square not used']),
    )
    const [picture] = await audit.locator('img').all()
    await picture!.scrollIntoViewIfNeeded()
    await expect.poll(() => picture!.evaluate(img => (img as HTMLImageElement).naturalWidth)).toBeGreaterThan(0)
    // Found once, it is there at once
    await page.reload()
    await page.getByRole('button', { name: 'Data' }).click()
    await audit.getByText(/\d+ groups? of images/).waitFor()
    await rm(at('images', 'square', 'copied.jpg'))
  }, 120_000)

  const views = ['', '#/run/high', '#/compare/low/high', '#/study/heads', '#/try']
  it.each([
    ['light, on a desktop', { colorScheme: 'light' }],
    ['dark, on a phone', { colorScheme: 'dark', viewport: { width: 390, height: 800 } }],
  ] as const)(
    'is accessible, %s',
    async (_, options) => {
      const own = await opened(options)
      for (const view of views) {
        await go(view, own)
        await own.locator('h1').waitFor()
        await own.evaluate(axe)
        const found = await own.evaluate(async () => {
          const { violations } = await (
            globalThis as unknown as {
              axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> }
            }
          ).axe.run()
          return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)
        })
        expect({ view, found }).toEqual({ view, found: [] })
        const wide = await own.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        )
        expect({ view, wide }).toEqual({ view, wide: 0 })
      }
      await own.close()
    },
    120_000,
  )

  it('has said nothing on the console, and broken no rule of its own policy', () => {
    // What the tests above asked for and was refused
    const expected = /status of (409|422|400|404)|favicon/
    expect(problems.filter(text => !expected.test(text))).toEqual([])
  })
})
