/** A served model answers over HTTP what predict and explain answer, and describes itself. */
import { readFile, writeFile } from 'node:fs/promises'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../base/folder.testing.js'
import { turnedHeic } from '../data/decode/heic.testing.js'
import { loadClassifier, loadExplainer, predict } from '../inference/index.js'
import { randomModel } from '../inference/randomModel.testing.js'
import type { Score } from '../inference/score.js'
import { writeModel } from '../training/model.js'
import { type Server, startServer } from './index.js'
import { form, jpeg, modelFolder } from './server.testing.js'

const at = temporaryFolder()
let run: string
let server: Server
let images: Buffer[]
const post = async (path: string, body: FormData | object, headers: Record<string, string> = {}) => {
  const json = !(body instanceof FormData)
  return fetch(`${server.url}${path}`, {
    method: 'POST',
    body: json ? JSON.stringify(body) : body,
    headers: { ...(json ? { 'content-type': 'application/json' } : {}), ...headers },
  })
}

beforeAll(async () => {
  run = await modelFolder(at('run'))
  server = await startServer(run, { port: 0 })
  images = await Promise.all(Array.from({ length: 20 }, (_, i) => jpeg(i, 60 + i, 90 - i)))
})
afterAll(() => server?.close())

describe('POST /v1/predict', () => {
  it('says what predict says, of files in a form and of base64 in JSON', async () => {
    const paths = images.map((_, i) => at(`${i}.jpg`))
    for (const [i, path] of paths.entries()) await writeFile(path, images[i]!)
    const expected = []
    for await (const { path: _, ...found } of predict(run, paths, { top: 2 })) expected.push(found)
    const close = expected.map((found, i) => ({
      name: expect.stringMatching(new RegExp(`^(${i}.jpg|${i + 1})$`)),
      scores:
        'scores' in found &&
        found.scores.map(score => ({ class: score.class, probability: expect.closeTo(score.probability, 5) })),
    }))
    const sent = await post('/v1/predict?top=2', form(...images))
    expect(sent.status).toBe(200)
    expect(await sent.json()).toMatchObject({
      predictions: close,
      model: { network: 'resnet18-narrow', temperature: 1 },
    })
    const base64 = images.map((image, i) => `${i % 2 ? 'data:image/jpeg;base64,' : ''}${image.toString('base64')}`)
    expect(await (await post('/v1/predict?top=2', { images: base64 })).json()).toMatchObject({ predictions: close })
  })

  it('says which images may show none of the classes, as predict does; not of a model that knows nothing of it', async () => {
    const paths = images.map((_, i) => at(`unsure-${i}.jpg`))
    for (const [i, path] of paths.entries()) await writeFile(path, images[i]!)
    const unknown = await post('/v1/predict?reject=true', form(images[0]!))
    expect(unknown.status).toBe(409)
    expect(((await unknown.json()) as { error: string }).error).toMatch(/does not hold how sure it was/)
    const classifier = await loadClassifier(run)
    const sure = await Promise.all(paths.map(async path => (await classifier.judge(path)).confidence))
    await classifier.dispose()
    const rejection = { images: sure.length, quantiles: sure.sort((a, b) => a - b) }
    const knowing = { ...randomModel('resnet18-narrow', ['ant', 'bee', 'cat'], 64), rejection }
    const folder = at('knowing')
    await writeModel(folder, knowing, '')
    const own = await startServer(folder, { port: 0 })
    try {
      const expected: unknown[] = []
      for await (const found of predict(folder, paths, { reject: 0.5 }))
        expected.push('rejected' in found && found.rejected)
      const answer = await fetch(`${own.url}/v1/predict?reject=true&pass=50`, { method: 'POST', body: form(...images) })
      const { predictions } = (await answer.json()) as { predictions: { rejected: boolean }[] }
      expect(predictions.map(({ rejected }) => rejected)).toEqual(expected)
      expect(new Set(expected)).toEqual(new Set([true, false]))
    } finally {
      await own.close()
    }
  })

  it('takes HEIC, as telephones send it, and says what predict says', async () => {
    const path = at('telephone.heic')
    await writeFile(path, turnedHeic)
    const { predictions } = (await (await post('/v1/predict', form(turnedHeic))).json()) as {
      predictions: [{ scores: Score[] }]
    }
    const scores = predictions[0].scores.map(score => ({
      ...score,
      probability: expect.closeTo(score.probability, 5),
    }))
    for await (const said of predict(run, [path])) expect(said).toEqual({ path, scores })
    expect.assertions(1)
  })

  it('answers for the images that can be read, and fails where none can be', async () => {
    const damaged = images[0]!.subarray(0, 300)
    const mixed = await post('/v1/predict', form(damaged, images[1]!))
    expect(mixed.status).toBe(200)
    expect(await mixed.json()).toMatchObject({
      predictions: [
        { name: '0.jpg', error: 'the image cannot be decoded (truncated JPEG); try another image' },
        { name: '1.jpg', scores: [{}, {}, {}] },
      ],
    })
    const none = await post('/v1/predict', form(damaged))
    expect(none.status).toBe(422)
    expect(await none.json()).toEqual({ error: 'the image cannot be decoded (truncated JPEG); try another image' })
  })

  it.each([
    ['/v1/predict?top=0', form(Buffer.from('x')), 400, "'top': Too small: expected number to be >=1"],
    ['/v1/predict', new FormData(), 400, "the form has no file under 'image'"],
    ['/v1/predict', { images: [] }, 400, 'the body must be {"images": ["…base64…"]}'],
    ['/v1/predict', { images: ['§'] }, 400, 'image 1 is no base64'],
    ['/v1/nothing', {}, 404, 'there is no /v1/nothing; see /openapi.json'],
  ])('says of %s what is wrong with it (%#)', async (path, body, status, error) => {
    const answer = await post(path, body)
    expect(answer.status).toBe(status)
    expect(((await answer.json()) as { error: string }).error).toContain(error)
  })
})

describe('POST /v1/explain', () => {
  it('gives the map of a class, and the picture with it', async () => {
    const explainer = await loadExplainer(run)
    const expected = await explainer.explain(images[3]!, 'bee')
    const answer = await post('/v1/explain?class=bee&overlay=true', form(images[3]!))
    expect(answer.status).toBe(200)
    const { map, overlay, ...rest } = (await answer.json()) as { map: number[]; overlay: string }
    expect(rest).toMatchObject({ name: '0.jpg', class: 'bee', side: 2, scores: [{}, {}, {}] })
    for (const [i, value] of expected.map.entries()) expect(map[i]).toBeCloseTo(value, 5)
    const png = await post('/v1/explain?class=bee', form(images[3]!), { accept: 'image/png' })
    expect(png.headers.get('content-type')).toBe('image/png')
    const bytes = Buffer.from(await png.arrayBuffer())
    expect(await sharp(bytes).metadata()).toMatchObject({ format: 'png', width: 63, height: 87 })
    expect(overlay).toBe(`data:image/png;base64,${bytes.toString('base64')}`)
    await explainer.close()
  })

  it('says that a class is not there, and that one image is explained at a time', async () => {
    const unknown = await post('/v1/explain?class=bees', form(images[0]!))
    expect(unknown.status).toBe(400)
    expect(await unknown.json()).toEqual({
      error: "there is no class 'bees'; did you mean 'bee'? It has 3: ant, bee, cat",
    })
    expect((await post('/v1/explain', form(images[0]!, images[1]!))).status).toBe(400)
    expect((await post('/v1/explain', form(Buffer.from('<html>')))).status).toBe(422)
  })
})

describe('what a server says of itself', () => {
  const get = async (path: string) => fetch(`${server.url}${path}`)

  it('describes its model, and that it is well', async () => {
    expect(await (await get('/v1/model')).json()).toMatchObject({
      network: 'resnet18-narrow',
      classes: ['ant', 'bee', 'cat'],
      size: 64,
      temperature: 1,
    })
    expect(await (await get('/healthz')).json()).toEqual({ status: 'ok' })
  })

  it('counts requests, images and runs of the engine for Prometheus', async () => {
    const measure = async (line: RegExp) => Number(line.exec(await (await get('/metrics')).text())?.[1] ?? 0)
    const answered = /^regraft_images_total\{outcome="answered"\} (\d+)$/m
    const runs = /^regraft_batch_images_count (\d+)$/m
    const [imagesBefore, runsBefore] = [await measure(answered), await measure(runs)]
    await post('/v1/predict', form(...images.slice(0, 16)))
    expect((await measure(answered)) - imagesBefore).toBe(16)
    // Images that come together share a run
    expect((await measure(runs)) - runsBefore).toBeLessThan(16)
    expect(
      await measure(/^regraft_request_seconds_count\{route="\/v1\/predict",status="200"\} (\d+)$/m),
    ).toBeGreaterThan(0)
    expect((await get('/metrics')).headers.get('content-type')).toMatch(/^text\/plain/)
  })

  it('documents every route by OpenAPI, with the schemas that requests are checked by', async () => {
    const document = (await (await get('/openapi.json')).json()) as {
      paths: Record<string, Record<string, { requestBody?: { content: object }; responses: object }>>
      components: { schemas: Record<string, { required?: string[] }> }
    }
    expect(Object.keys(document.paths).sort()).toEqual([
      '/healthz',
      '/metrics',
      '/v1/explain',
      '/v1/model',
      '/v1/predict',
    ])
    const predicted = document.paths['/v1/predict']!.post!
    expect(Object.keys(predicted.requestBody!.content)).toEqual(['multipart/form-data', 'application/json'])
    expect(Object.keys(predicted.responses)).toEqual(['200', '400', '409', '413', '415', '422', '503'])
    expect(document.components.schemas.Images!.required).toEqual(['images'])
    const names = [...JSON.stringify(document).matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, name]) => name!)
    expect(names.filter(name => !(name in document.components.schemas))).toEqual([])
  })

  it('lets a page load nothing from elsewhere, and nobody frame or sniff it', async () => {
    const { headers } = await get('/healthz')
    expect(headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'")
    expect(headers.get('content-security-policy')).not.toContain('unsafe')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('access-control-allow-origin')).toBe(null)
  })

  it('says how a route is asked, where it is asked in another way', async () => {
    const answer = await fetch(`${server.url}/v1/predict`)
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST'])
    expect(await answer.json()).toEqual({ error: '/v1/predict is asked by POST, not by GET; see /openapi.json' })
    expect((await fetch(`${server.url}/v1/nothing`)).status).toBe(404)
  })

  it('shows no file, whatever path is asked for', async () => {
    const secret = at('secret.txt')
    await writeFile(secret, 'secret')
    for (const path of ['/../secret.txt', '/%2e%2e/secret.txt', '/..%2fsecret.txt', `/${secret}`, '/model/model.json'])
      expect((await get(path)).status).toBe(404)
    const body = form(images[0]!)
    body.set('image', new File([new Uint8Array(images[0]!)], '../../secret.txt'))
    await post('/v1/predict', body)
    expect(await readFile(secret, 'utf8')).toBe('secret')
  })
})
