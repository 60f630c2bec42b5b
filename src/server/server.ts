/** Starts a server for a trained model, and ends it without losing what it has taken in. */
import type { Server as HttpServer, IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { RegraftError } from '../base/errors.js'
import type { ExplainerOptions } from '../inference/index.js'
import { isLoopback, SHORTEST_TOKEN } from './access.js'
import { createAdmission } from './admission.js'
import { createApp } from './app.js'
import { createDashboard } from './dashboard/routes.js'
import { type Limits, limitsSchema } from './limits.js'
import { createMeasures } from './measures.js'
import { openModel, type ServedModel } from './servedModel.js'

export interface ServeOptions extends ExplainerOptions {
  /** Default 8080; 0 takes any that is free. */
  readonly port?: number
  /** The address that is listened on; default 127.0.0.1, which only this machine reaches. */
  readonly host?: string
  /** What requests have to show as `Authorization: Bearer TOKEN`; needed beyond this machine, 16 characters at least. */
  readonly token?: string
  readonly limits?: Partial<Limits>
  /** The folder of runs that the dashboard shows; without it there is no dashboard. */
  readonly dashboard?: string
}

export interface Server {
  readonly url: string
  /** What is served, where there is a model. */
  readonly model: ServedModel | undefined
  /** Takes no more, finishes what it has, and frees everything. It may be called again. */
  close(): Promise<void>
}

/**
 * @param run a finished run's folder, or a model folder; without it only the dashboard is there
 * @throws RegraftError where there is no model, the port is taken, or others could reach the server without a token
 */
export async function startServer(run: string | undefined, options: ServeOptions = {}): Promise<Server> {
  const { port = 8080, host = '127.0.0.1', token, limits: given, dashboard: folder, ...compute } = options
  const loopback = isLoopback(host)
  if (!loopback) checkToken(host, token)
  if (token !== undefined) checkLetters(token)
  const limits = limitsSchema.parse(given ?? {})
  const admission = createAdmission(limits)
  const measures = createMeasures(admission.waiting)
  let stopping = false
  const working = new Set<unknown>()
  const shared = { limits, measures, admission, working, stopping: () => stopping }
  const dashboard = folder === undefined ? undefined : await createDashboard(folder, shared)
  const model =
    run === undefined
      ? undefined
      : await openModel(run, { ...compute, maxPixels: limits.pixels, onBatch: measures.ran })
  const access = { loopback, ...(token === undefined ? {} : { token }) }
  const { fetch } = createApp(shared, model, access, dashboard?.routes)
  const server = createAdaptorServer({
    fetch,
    serverOptions: {
      requestTimeout: 1000 * limits.seconds,
      headersTimeout: 1000 * Math.min(limits.seconds, 10),
      connectionsCheckingInterval: Math.min(1000 * limits.seconds, 5000),
    },
  }) as HttpServer
  const open = new Set<IncomingMessage>()
  server.on('request', request => {
    open.add(request)
    request.once('close', () => open.delete(request))
  })
  try {
    await listen(server, port, host)
  } catch (error) {
    await model?.close()
    throw error
  }
  let closed: Promise<void> | undefined
  const { port: actual, family } = server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${host}]` : host}:${actual}`,
    get model() {
      return model?.current
    },
    close: () => {
      stopping = true
      closed ??= (async () => {
        const ended = new Promise<void>(resolve => server.close(() => resolve()))
        dashboard?.end()
        // Node looks no longer at how long a request takes to arrive, and never at how long its answer takes to be fetched
        let [toArrive, left] = [limits.seconds, limits.seconds]
        const patience = setInterval(() => {
          toArrive -= 0.1
          if (toArrive <= 0) for (const request of open) if (!request.complete) request.destroy()
          if (working.size === 0) left -= 0.1
          if (left <= 0) server.closeAllConnections()
        }, 100)
        await ended
        clearInterval(patience)
        await model?.close()
        await dashboard?.close()
      })()
      return closed
    },
  }
}

function checkToken(host: string, token: string | undefined): void {
  if (token === undefined)
    throw new RegraftError(
      'usage',
      `--host ${host} can be reached from other machines; pass --token SECRET (or set REGRAFT_TOKEN), or leave --host out`,
    )
  if (token.length < SHORTEST_TOKEN)
    throw new RegraftError(
      'usage',
      `the token has ${token.length} characters, and other machines can try many; take ${SHORTEST_TOKEN} or more, such as 'openssl rand -hex 16' prints`,
    )
}

function checkLetters(token: string): void {
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new RegraftError(
      'usage',
      'the token has characters that no header can carry; take letters, digits and signs of ASCII, without spaces',
    )
}

const listen = (server: HttpServer, port: number, host: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', ({ code, message }: NodeJS.ErrnoException) => {
      const why =
        code === 'EADDRINUSE'
          ? `port ${port} is taken by another program; choose another --port`
          : code === 'EACCES'
            ? `port ${port} is kept for the system; choose one above 1023`
            : code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND'
              ? `--host ${host} is no address of this machine; try 127.0.0.1`
              : `the server cannot listen on ${host}:${port} (${message})`
      reject(new RegraftError('usage', why))
    })
    server.listen(port, host, resolve)
  })
