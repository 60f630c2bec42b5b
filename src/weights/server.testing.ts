/** A web server on loopback that serves one file well, badly or not at all, by the path it is asked for. */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'

export interface Served {
  readonly url: string
  readonly requests: {
    readonly method: string
    readonly url: string
    readonly range: string | undefined
    readonly ifRange: string | undefined
    readonly authorization: string | undefined
  }[]
  close(): Promise<void>
}

type Behaviour = (response: ServerResponse, request: IncomingMessage, content: Buffer, time: number) => void

/** Milliseconds, longer than the patience of the tests. */
const tooLate = 2000

interface Sending {
  readonly etag?: string
  readonly ranges?: boolean
  /** Bytes after which the connection breaks off. */
  readonly breakAfter?: number
}

function send(response: ServerResponse, request: IncomingMessage, content: Buffer, options: Sending = {}): void {
  const { etag = '"version-1"', ranges = true, breakAfter } = options
  const { range } = request.headers
  const start = ranges && range && request.headers['if-range'] === etag ? Number(/\d+/.exec(range)?.[0]) : 0
  if (start >= content.length) {
    response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end()
    return
  }
  response.writeHead(start > 0 ? 206 : 200, {
    etag,
    'content-length': content.length - start,
    ...(start > 0 ? { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` } : {}),
  })
  if (breakAfter === undefined) response.end(content.subarray(start))
  else response.write(content.subarray(start, start + breakAfter), () => setTimeout(() => response.destroy(), 250))
}

const redirect = (response: ServerResponse, location: string, headers: Record<string, string> = {}) =>
  response.writeHead(302, { location, ...headers }).end()

const queryOf = (request: IncomingMessage) => new URL(request.url ?? '/', 'http://localhost').searchParams

/** `time` counts the requests for the same path, from 1. */
const behaviours: Readonly<Record<string, Behaviour>> = {
  '/whole': (response, request, content) => send(response, request, content),
  '/owner/name.v1/resolve/main/model.safetensors': (response, request, content) => send(response, request, content),
  '/wrong': (response, request, content) => send(response, request, Buffer.from(content).reverse()),
  '/breaks': (response, request, content, time) =>
    send(response, request, content, time < 3 ? { breakAfter: 100_000 } : {}),
  '/breaks-once-no-ranges': (response, request, content, time) =>
    send(response, request, content, { ranges: false, ...(time === 1 ? { breakAfter: 100_000 } : {}) }),
  '/breaks-once-changes': (response, request, content, time) =>
    time === 1
      ? send(response, request, content, { breakAfter: 100_000 })
      : send(response, request, Buffer.from(content).reverse(), { etag: '"version-2"' }),
  '/late-once': (response, request, content, time) => {
    setTimeout(() => send(response, request, content), time === 1 ? tooLate : 0).unref()
  },
  '/stalls-once': (response, request, content, time) => {
    if (time > 1) return send(response, request, content)
    response.writeHead(200, { etag: '"version-1"', 'content-length': content.length })
    response.write(content.subarray(0, 1000))
  },
  '/slow': (response, request, content) => {
    setTimeout(() => send(response, request, content), 400)
  },
  '/busy': response => void response.writeHead(503).end(),
  '/busy-once': (response, request, content, time) =>
    time === 1 ? void response.writeHead(503).end() : send(response, request, content),
  '/redirect': (response, request) => redirect(response, queryOf(request).get('to') ?? '/'),
  '/redirect-loop': response => redirect(response, '/redirect-loop'),
  '/hub': (response, request, content) => {
    const digits = createHash('sha256').update(content).digest('hex')
    redirect(response, '/whole', {
      'x-linked-etag': queryOf(request).get('etag') === 'right' ? `"${digits}"` : `"${'0'.repeat(64)}"`,
      'x-linked-size': queryOf(request).get('size') ?? String(content.length),
    })
  },
}

/** Serves `content` until closed. As a proxy it answers for every host itself. */
export async function serve(content: Buffer): Promise<Served> {
  // Loopback is asked directly, whatever proxy this machine has: each file of tests begins with those of the machine
  for (const name of ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY']) delete process.env[name]
  const requests: Served['requests'] = []
  const times = new Map<string, number>()
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request
    const { range, authorization } = headers
    requests.push({ method, url, range, ifRange: headers['if-range'] as string | undefined, authorization })
    const { pathname } = new URL(url, 'http://localhost')
    const time = (times.get(pathname) ?? 0) + 1
    times.set(pathname, time)
    const behave = behaviours[pathname]
    if (behave) behave(response, request, content, time)
    else response.writeHead(404).end()
  })
  server.on('connect', (request, socket) => {
    requests.push({
      method: 'CONNECT',
      url: request.url ?? '',
      range: undefined,
      ifRange: undefined,
      authorization: undefined,
    })
    const { port } = server.address() as AddressInfo
    const through = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      socket.pipe(through).pipe(socket)
    })
    for (const end of [socket, through]) end.on('error', () => {})
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
