/** A real redis-server for tests and measurements, on a free port with its append-only file in a temporary folder. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createConnection, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const redisHere = spawnSync('redis-server', ['--version']).status === 0

export interface TestRedis {
  readonly port: number
  readonly url: string
  start(): Promise<void>
  /** As a crash would, or in good order. */
  stop(signal?: NodeJS.Signals): Promise<void>
  /** Stops it and removes its folder. */
  remove(): Promise<void>
}

const freePort = (): Promise<number> =>
  new Promise((done, failed) => {
    const server = createServer()
    server.on('error', failed)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => done(typeof address === 'object' && address ? address.port : 0))
    })
  })

const answers = (port: number): Promise<boolean> =>
  new Promise(done => {
    const socket = createConnection(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      done(true)
    })
    socket.on('error', () => done(false))
  })

/** @param args of redis-server @param tls its certificate and key; then only TLS is answered */
export async function testRedis(
  args: readonly string[] = [],
  tls?: { readonly certificate: string; readonly key: string },
): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'regraft-redis-'))
  const port = await freePort()
  let server: ChildProcess | undefined
  const start = async () => {
    const secret = tls
      ? ['--tls-port', String(port), '--port', '0', '--tls-cert-file', tls.certificate, '--tls-key-file', tls.key]
      : ['--port', String(port)]
    const settings = [
      ...secret,
      '--bind',
      '127.0.0.1',
      '--dir',
      folder,
      '--appendonly',
      'yes',
      '--save',
      '',
      ...(tls ? ['--tls-ca-cert-file', tls.certificate, '--tls-auth-clients', 'no'] : []),
    ]
    server = spawn('redis-server', [...settings, ...args], { stdio: 'ignore' })
    for (let i = 0; i < 200 && !(await answers(port)); i++) await new Promise(done => setTimeout(done, 50))
  }
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    const running = server
    server = undefined
    if (!running || running.exitCode !== null) return
    const ended = new Promise(done => running.on('exit', done))
    running.kill(signal)
    await ended
  }
  await start()
  return {
    port,
    url: tls ? `rediss://localhost:${port}` : `redis://127.0.0.1:${port}`,
    start,
    stop,
    remove: async () => {
      await stop('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    },
  }
}
