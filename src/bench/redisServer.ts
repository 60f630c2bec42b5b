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

export async function testRedis(args: readonly string[] = []): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'regraft-redis-'))
  const port = await freePort()
  let server: ChildProcess | undefined
  const start = async () => {
    const settings = [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--dir',
      folder,
      '--appendonly',
      'yes',
      '--save',
      '',
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
    url: `redis://127.0.0.1:${port}`,
    start,
    stop,
    remove: async () => {
      await stop('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    },
  }
}
