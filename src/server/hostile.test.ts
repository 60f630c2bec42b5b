/** Requests that are damaged or made to do harm are refused, cost little, and leave the server as it was. */
import { request as httpRequest } from 'node:http'
import sharp from 'sharp'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { temporaryFolder } from '../base/folder.testing.js'
import { type Server, startServer } from './index.js'
import { form, jpeg, modelFolder, raw } from './server.testing.js'

const at = temporaryFolder()
const limits = { bodyBytes: 1_000_000, images: 4, pixels: 1_000_000, seconds: 1 }
let server: Server
const printed = vi.spyOn(process.stderr, 'write').mockReturnValue(true)

beforeAll(async () => {
  server = await startServer(await modelFolder(at('run')), { port: 0, limits })
})
afterAll(() => server?.close())
afterEach(async () => {
  // Nothing was taken for a defect, and the next request is answered
  expect(printed).not.toHaveBeenCalled()
  expect((await predict(form(await jpeg()))).status).toBe(200)
  expect(await (await fetch(`${server.url}/metrics`)).text()).toContain('regraft_waiting_requests 0')
})

const predict = (body: FormData) => fetch(`${server.url}/v1/predict`, { method: 'POST', body })
const reason = async (answer: Response) => ((await answer.json()) as { error: string }).error

const head = (...headers: string[]) =>
  `${['POST /v1/predict HTTP/1.1', 'Host: localhost', 'Connection: close', ...headers].join('\r\n')}\r\n\r\n`
const multipart = 'Content-Type: multipart/form-data; boundary=b'
const part = '--b\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
const whole = (body: string) => raw(server.url, `${head(multipart, `Content-Length: ${body.length}`)}${body}`)

describe('images', () => {
  it.each(['png', 'webp', 'gif'] as const)(
    'refuses a %s of many pixels in few bytes, before it is decoded',
    async format => {
      const pixels = { create: { width: 4000, height: 4000, channels: 3 as const, background: 'red' } }
      const bomb = await sharp(pixels).toFormat(format).toBuffer()
      expect(bomb.length).toBeLessThan(300_000)
      const answer = await predict(form(bomb))
      expect(answer.status).toBe(413)
      expect(await reason(answer)).toBe('the image cannot be decoded (more than 1 million pixels); make it smaller')
      expect((await fetch(`${server.url}/v1/explain`, { method: 'POST', body: form(bomb) })).status).toBe(413)
    },
  )

  it('refuses a PNG whose head announces two billion pixels', async () => {
    const bomb = await sharp({ create: { width: 9, height: 9, channels: 3, background: 'red' } })
      .png()
      .toBuffer()
    bomb.writeUInt32BE(46_340, 16)
    bomb.writeUInt32BE(46_340, 20)
    expect([413, 422]).toContain((await predict(form(bomb))).status)
  })

  it('refuses strips, each of whose lines takes its time: few bytes and pixels, and minutes', async () => {
    const strip = { create: { width: 1, height: 150_000, channels: 3 as const, background: 'red' } }
    const tiff = await sharp(strip).tiff({ compression: 'deflate' }).toBuffer()
    for (const bytes of [await sharp(strip).png().toBuffer(), tiff, `P5 1 150000 255\n${'x'.repeat(150_000)}`]) {
      const answer = await predict(form(Buffer.from(bytes)))
      expect(answer.status).toBe(413)
      expect(await reason(answer)).toBe(
        'the image cannot be decoded (a side is longer than 100,000 pixels); make it smaller',
      )
    }
  })

  it('refuses what is no image, and files that would have others read', async () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
    for (const bytes of ['', 'GIF89a', svg, '%PDF-1.7', '\x89PNG\r\n\x1a\n'])
      expect((await predict(form(Buffer.from(bytes, 'latin1')))).status).toBe(422)
  })
})

describe('bodies', () => {
  it('refuses one that announces more than is taken, without reading it', async () => {
    expect(await raw(server.url, head(multipart, 'Content-Length: 1000001'))).toMatch(/^HTTP\/1.1 413 /)
  })

  it('refuses one that announces nothing and does not end', async () => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const sent = httpRequest(`${server.url}/v1/predict`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
      })
      sent.on('response', answer => {
        resolve(answer.statusCode)
        sent.destroy()
      })
      sent.on('error', reject)
      const more = () => {
        while (!sent.destroyed && sent.write(Buffer.alloc(65_536, 32))) {}
        sent.once('drain', more)
      }
      more()
    })
    expect(status).toBe(413)
  })

  it('waits for a slow one no longer than it may take', async () => {
    expect(await raw(server.url, `${head(multipart, 'Content-Length: 1000')}${part}`)).toMatch(/^HTTP\/1.1 408 /)
    expect(await raw(server.url, 'GET /healthz HTTP/1.1\r\nHost: local')).toMatch(/^HTTP\/1.1 408 /)
  })

  it('forgets one whose sender is gone', async () => {
    await raw(server.url, `${head(multipart, 'Content-Length: 1000')}${part}`, end => setTimeout(end, 50))
  })

  it.each([
    ['is cut off', `${part}abc`, 'the form is damaged'],
    ['is empty', '', "the form has no file under 'image'"],
    ['has no end', `${part}abc\r\n--b\r\n`, 'the form is damaged'],
    ['is no form', 'image=abc', 'the form is damaged'],
    ['has a head without end', `--b\r\n${'x'.repeat(20_000)}`, 'the form is damaged'],
    ['has names that are no text', '--b\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nabc\r\n--b--\r\n', ''],
    [
      'has another field',
      part.replace('"image"', '"__proto__"').concat('abc\r\n--b--\r\n'),
      "the form has a field '__proto__'",
    ],
  ])('says that a form %s', async (_, body, error) => {
    const answer = await whole(body)
    expect(answer).toMatch(/^HTTP\/1.1 400 /)
    expect(answer).toContain(`{"error":"${error}`)
  })

  it('refuses more images than are taken, in either way', async () => {
    const image = await jpeg()
    const many = await predict(form(...Array.from({ length: 5 }, () => image)))
    expect(many.status).toBe(413)
    expect(await reason(many)).toBe('more than 4 images in one request; send them in several')
    const parts = await whole(`${`${part}x\r\n`.repeat(9000)}--b--\r\n`)
    expect(parts).toMatch(/^HTTP\/1.1 413 /)
  })

  it.each([
    ['nested without end', '['.repeat(900_000)],
    ['of another shape', '{"images":{"0":"abc"}}'],
    ['with a prototype', '{"__proto__":{"images":["abc"]}}'],
    ['of spaces that are no base64', JSON.stringify({ images: [`${' '.repeat(900_000)}§`] })],
  ])('refuses JSON %s, at once', async (_, body) => {
    const answer = await fetch(`${server.url}/v1/predict`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    })
    expect(answer.status).toBe(400)
  })

  it('refuses other types than it documents', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/mixed; boundary=b'])
      expect(await raw(server.url, `${head(`Content-Type: ${type}`, 'Content-Length: 2')}{}`)).toMatch(
        /^HTTP\/1.1 415 /,
      )
  })
})

describe('heads', () => {
  it('refuses one that is too large, or damaged', async () => {
    expect(await raw(server.url, head(`X-Long: ${'x'.repeat(100_000)}`))).toMatch(/^HTTP\/1.1 431 /)
    expect(await raw(server.url, 'nonsense\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /)
    const twice = head(multipart, 'Content-Length: 3', 'Transfer-Encoding: chunked')
    expect(await raw(server.url, `${twice}abc`)).toMatch(/^HTTP\/1.1 400 /)
  })
})
