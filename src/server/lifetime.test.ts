/** A server loses nothing that it has taken in: when it has too much to do, gets a new model, or ends. */
import { once } from 'node:events'
import { rename, rm, symlink, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../base/folder.testing.js'
import { type Server, startServer } from './index.js'
import { form, jpeg, modelFolder } from './server.testing.js'

const at = temporaryFolder()
const servers: Server[] = []
let images: Buffer[]
beforeAll(async () => {
  images = await Promise.all(Array.from({ length: 16 }, (_, i) => jpeg(i, 300, 200)))
})
afterAll(() => Promise.all(servers.map(server => server.close())))

const start = async (run: string, options = {}) => {
  const server = await startServer(run, { port: 0, ...options })
  servers.push(server)
  return server
}
const predict = (server: Server, ...own: Buffer[]) =>
  fetch(`${server.url}/v1/predict`, { method: 'POST', body: form(...own) })

interface Answer {
  readonly predictions: readonly { readonly scores: readonly { readonly class: string }[] }[]
}
const classesOf = async (answer: Response) =>
  ((await answer.json()) as Answer).predictions.map(({ scores }) =>
    scores
      .map(score => score.class)
      .sort()
      .join(),
  )

describe('too much to do', () => {
  it('sends requests away for a moment, answers those it took, and takes more when they are done', async () => {
    const server = await start(await modelFolder(at('busy')), { limits: { waitingRequests: 3 } })
    const answers = await Promise.all(Array.from({ length: 12 }, () => predict(server, ...images)))
    const statuses = answers.map(({ status }) => status)
    expect(statuses.filter(status => status === 200).length).toBeGreaterThanOrEqual(3)
    expect(statuses.filter(status => status === 503).length).toBeGreaterThan(0)
    expect(new Set(statuses)).toEqual(new Set([200, 503]))
    const away = answers.find(({ status }) => status === 503)!
    expect(away.headers.get('retry-after')).toBe('1')
    expect(await away.json()).toEqual({ error: 'the server has as much to do as it takes; ask again in a second' })
    expect((await predict(server, images[0]!)).status).toBe(200)
  })

  it('takes the body of who is sent away, so that a sender who is slow hears of it, and may ask on', async () => {
    const server = await start(await modelFolder(at('late')), { limits: { waitingRequests: 1 } })
    const { port } = new URL(server.url)
    const head =
      'POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n'
    const first = connect(Number(port), '127.0.0.1', () => first.write(head))
    const waiting = async () => (await fetch(`${server.url}/metrics`)).text()
    await expect.poll(waiting, { timeout: 10_000 }).toContain('regraft_waiting_requests 1')
    const late = connect(Number(port), '127.0.0.1', () => late.write(head))
    let answers = ''
    late.on('data', chunk => {
      answers += chunk
    })
    await setTimeout(1200)
    late.write('{}GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await expect
      .poll(() => answers.match(/HTTP\/1.1 \d+/g), { timeout: 10_000 })
      .toEqual(['HTTP/1.1 503', 'HTTP/1.1 200'])
    first.destroy()
    late.destroy()
  })

  it('bounds the bytes that are in memory, and always takes one request', async () => {
    const server = await start(await modelFolder(at('bytes')), { limits: { waitingBytes: 1 } })
    expect((await predict(server, images[0]!)).status).toBe(200)
    const both = await Promise.all([predict(server, ...images), predict(server, ...images)])
    expect(both.map(({ status }) => status).sort()).toEqual([200, 503])
  })
})

describe('a new model', () => {
  it('takes the place of the old one while requests come, and each is answered by one of them', async () => {
    const run = await modelFolder(at('replaced'), ['ant', 'bee'])
    const server = await start(run)
    const seen = new Set<string>()
    let done = false
    const client = async (i: number) => {
      let answered = 0
      while (!done) {
        const answer = await predict(server, images[i]!, images[i + 1]!)
        expect(answer.status).toBe(200)
        const [first, second] = await classesOf(answer)
        expect(second).toBe(first)
        seen.add(first!)
        answered++
      }
      return answered
    }
    const clients = Array.from({ length: 8 }, (_, i) => client(i))
    for (const classes of [
      ['cat', 'dog'],
      ['elk', 'fox', 'gnu'],
      ['hen', 'ibis'],
    ]) {
      await modelFolder(run, classes)
      const replaced = await fetch(`${server.url}/v1/model`, { method: 'POST' })
      expect(await replaced.json()).toMatchObject({ classes })
      expect(await classesOf(await predict(server, images[0]!))).toEqual([classes.join()])
    }
    done = true
    for (const answered of await Promise.all(clients)) expect(answered).toBeGreaterThan(3)
    expect([...seen]).toEqual(expect.arrayContaining(['ant,bee', 'hen,ibis']))
  })

  it('is read once for all who ask for it while another is being read', async () => {
    const server = await start(await modelFolder(at('asked')))
    const asked = Array.from({ length: 20 }, () => fetch(`${server.url}/v1/model`, { method: 'POST' }))
    const answers = await Promise.all(asked.map(async answer => (await (await answer).json()) as { loaded: string }))
    expect(new Set(answers.map(({ loaded }) => loaded)).size).toBeLessThan(8)
  })

  it('is one model, whatever the link leads to while it is read', async () => {
    await modelFolder(at('a'), ['ant', 'asp'])
    await modelFolder(at('b'), ['bee', 'bat'])
    await symlink(at('a'), at('link'))
    const server = await start(at('link'))
    let done = false
    const swap = async () => {
      for (let i = 0; !done; i++) {
        await symlink(at(i % 2 ? 'a' : 'b'), at('next'))
        await rename(at('next'), at('link'))
        await setImmediate()
      }
    }
    const swapping = swap()
    for (let i = 0; i < 8; i++) {
      await fetch(`${server.url}/v1/model`, { method: 'POST' })
      const [predicted] = await classesOf(await predict(server, images[0]!))
      const answer = await fetch(`${server.url}/v1/explain`, { method: 'POST', body: form(images[0]!) })
      const { scores } = (await answer.json()) as { scores: { class: string }[] }
      expect(
        scores
          .map(score => score.class)
          .sort()
          .join(),
      ).toBe(predicted!.split(',').sort().join())
    }
    done = true
    await swapping
  })

  it('leaves the old one where it cannot be read', async () => {
    const run = await modelFolder(at('damaged'), ['ant', 'bee'])
    const server = await start(run)
    const reload = async () => {
      const answer = await fetch(`${server.url}/v1/model`, { method: 'POST' })
      return [answer.status, ((await answer.json()) as { error: string }).error]
    }
    await writeFile(at('damaged/model/model.json'), '{')
    expect(await reload()).toEqual([409, expect.stringMatching(/^the old model stays: .*model\.json is damaged/)])
    await rm(at('damaged/model'), { recursive: true })
    expect(await reload()).toEqual([409, expect.stringMatching(/^the old model stays: .* holds no trained model/)])
    expect(await classesOf(await predict(server, images[0]!))).toEqual(['ant,bee'])
    await modelFolder(run, ['cat', 'dog'])
    expect((await fetch(`${server.url}/v1/model`, { method: 'POST' })).status).toBe(200)
    expect(await classesOf(await predict(server, images[0]!))).toEqual(['cat,dog'])
  })
})

describe('the end', () => {
  it('answers what was taken in, then takes no more', async () => {
    const server = await start(await modelFolder(at('ended')))
    const waiting = async () =>
      /regraft_waiting_requests (\d+)/.exec(await (await fetch(`${server.url}/metrics`)).text())![1]
    const answers = Promise.all(Array.from({ length: 8 }, () => predict(server, ...images)))
    while ((await waiting()) !== '8') {}
    const closed = Promise.all([server.close(), server.close()])
    for (const answer of await answers) {
      expect(answer.status).toBe(200)
      expect(answer.headers.get('connection')).toBe('close')
      expect(await classesOf(answer)).toHaveLength(images.length)
    }
    await closed
    await expect(predict(server, images[0]!)).rejects.toThrow('fetch failed')
  })

  it('does not wait for ever for a request that does not arrive', async () => {
    const server = await start(await modelFolder(at('half')), { limits: { seconds: 1 } })
    const { port } = new URL(server.url)
    const clients = [
      'POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
      'GET /',
    ].map(text =>
      connect(Number(port), '127.0.0.1', function (this: Socket) {
        this.write(text)
      }).on('error', () => {}),
    )
    const text = async () => (await fetch(`${server.url}/metrics`)).text()
    await expect.poll(text, { timeout: 10_000 }).toContain('regraft_waiting_requests 1')
    await Promise.all([server.close(), ...clients.map(client => once(client, 'close'))])
  }, 60_000)

  it('does not wait for ever for a client that takes no answers', async () => {
    const server = await start(await modelFolder(at('stuck')), { limits: { seconds: 1 } })
    const { port } = new URL(server.url)
    const client = connect(Number(port), '127.0.0.1')
    client.pause()
    client.on('error', () => {})
    const gone = once(client, 'close')
    client.write('GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(3000))
    // Until its answers fill what the system keeps for it
    for (let [before, now] = ['', 'none']; now !== before; await setTimeout(300)) {
      before = now
      const text = await (await fetch(`${server.url}/metrics`)).text()
      now = /request_seconds_count\{route="\/openapi.json",status="200"\} (\d+)/.exec(text)?.[1] ?? `${before}.`
    }
    await server.close()
    client.resume()
    await gone
  }, 60_000)

  it('says which port is taken', async () => {
    const run = await modelFolder(at('port'))
    const { url } = await start(run)
    const { port } = new URL(url)
    await expect(startServer(run, { port: Number(port) })).rejects.toThrow(
      `port ${port} is taken by another program; choose another --port`,
    )
  })
})
