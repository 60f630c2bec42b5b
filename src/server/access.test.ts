/** Who may ask a server: this machine's own names and pages, and whoever has the token. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../base/folder.testing.js'
import { type Server, startServer } from './index.js'
import { form, jpeg, modelFolder, raw } from './server.testing.js'

const at = temporaryFolder()
const token = '0123456789abcdef'
let run: string
let open: Server
let locked: Server
beforeAll(async () => {
  run = await modelFolder(at('run'))
  open = await startServer(run, { port: 0 })
  locked = await startServer(run, { port: 0, host: '0.0.0.0', token })
})
afterAll(() => Promise.all([open?.close(), locked?.close()]))

const status = async (answer: Promise<string>) => Number((await answer).split(' ')[1])
const request = (server: Server, line: string, ...headers: string[]) =>
  status(raw(server.url, `${[`${line} HTTP/1.1`, 'Connection: close', ...headers].join('\r\n')}\r\n\r\n`))

describe('names', () => {
  it.each(['localhost', '127.0.0.1', '[::1]', 'LOCALHOST:1234', '127.0.0.1:80'])('answers to %s', async name => {
    expect(await request(open, 'GET /v1/model', `Host: ${name}`)).toBe(200)
  })

  it.each(['rebound.example', 'localhost.rebound.example', '127.0.0.1.rebound.example', '10.0.0.1', '@', ''])(
    "does not answer to '%s', which may be a page's that has its name point here",
    async name => {
      expect([400, 403]).toContain(await request(open, 'GET /v1/model', `Host: ${name}`))
    },
  )
})

describe('pages', () => {
  const change = (...headers: string[]) => request(open, 'POST /v1/model', 'Host: localhost:8080', ...headers)

  it('answers its own pages, and programs, which send no origin', async () => {
    expect(await change()).toBe(200)
    expect(await change('Origin: http://localhost:8080', 'Sec-Fetch-Site: same-origin')).toBe(200)
  })

  it('shows itself to who follows a link from elsewhere, and has nothing made or held open for other pages', async () => {
    const from = ['Host: localhost:8080', 'Sec-Fetch-Site: cross-site']
    const link = ['Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document']
    expect(await request(open, 'GET /openapi.json', ...from, ...link)).toBe(200)
    for (const destination of ['image', 'empty', 'iframe', 'script'])
      for (const method of ['GET', 'HEAD'])
        expect(await request(open, `${method} /v1/model`, ...from, `Sec-Fetch-Dest: ${destination}`)).toBe(403)
    expect(await request(open, 'POST /v1/model', ...from, ...link)).toBe(403)
  })

  it.each([
    'Origin: http://other.example',
    'Origin: http://localhost:3000',
    'Origin: null',
    'Sec-Fetch-Site: cross-site',
    'Sec-Fetch-Site: same-site',
  ])('changes nothing for a page that a browser marks as another: %s', async header => {
    expect(await change(header)).toBe(403)
  })
})

describe('token', () => {
  const url = () => locked.url.replace('0.0.0.0', '127.0.0.1')
  const get = (path: string, given?: string) =>
    fetch(`${url()}${path}`, { headers: given === undefined ? {} : { authorization: given } })

  it('is asked for by everything but /healthz', async () => {
    expect((await get('/healthz')).status).toBe(200)
    for (const path of ['/v1/model', '/metrics', '/openapi.json', '/nothing'])
      expect((await get(path)).status).toBe(401)
    const refused = await fetch(`${url()}/v1/predict`, { method: 'POST', body: form(await jpeg()) })
    expect(refused.status).toBe(401)
    expect(refused.headers.get('www-authenticate')).toBe('Bearer realm="regraft"')
    expect(await refused.json()).toEqual({
      error: "a token is needed: send the header 'Authorization: Bearer TOKEN'; in a browser, open /?token=TOKEN",
    })
  })

  it('opens the server to who has it, by whatever name', async () => {
    expect((await get('/v1/model', `Bearer ${token}`)).status).toBe(200)
    expect((await get('/v1/model', `Bearer ${token}0`)).status).toBe(401)
    expect((await get('/v1/model', 'Bearer ')).status).toBe(401)
    expect((await get('/v1/model', token)).status).toBe(401)
    expect(await request(locked, 'GET /v1/model', 'Host: classifier.example', `Authorization: Bearer ${token}`)).toBe(
      200,
    )
    const document = await (await get('/openapi.json', `Bearer ${token}`)).json()
    expect(document).toMatchObject({
      security: [{ token: [] }],
      components: { securitySchemes: { token: { scheme: 'bearer' } } },
    })
  })

  it('has to be there, and long, before others can reach a server', async () => {
    await expect(startServer(run, { port: 0, host: '0.0.0.0' })).rejects.toThrow(
      '--host 0.0.0.0 can be reached from other machines; pass --token SECRET (or set REGRAFT_TOKEN), or leave --host out',
    )
    await expect(startServer(run, { port: 0, host: '::', token: 'short' })).rejects.toThrow(
      'the token has 5 characters',
    )
    await expect(startServer(run, { port: 0, token: 'sechzehn längere Zeichen' })).rejects.toThrow(
      'the token has characters that no header can carry',
    )
  })
})
