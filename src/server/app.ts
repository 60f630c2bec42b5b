/** The app: who may ask, what every answer carries, the routes, and how a failure is said. */
import { OpenAPIHono } from '@hono/zod-openapi'
import type { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { secureHeaders } from 'hono/secure-headers'
import { version } from '../base/version.js'
import { onlyOwnNames, onlyOwnPages, onlyWithToken, tokenFromAddress } from './access.js'
import { Refusal } from './refusal.js'
import { explainRoute } from './routes/explain.js'
import { healthRoutes } from './routes/health.js'
import { modelRoute } from './routes/model.js'
import { predictRoute } from './routes/predict.js'
import { imagesBody } from './schemas.js'
import type { ModelPlace } from './servedModel.js'
import type { Shared } from './serving.js'

export interface Access {
  /** Whether only this machine can reach the server. */
  readonly loopback: boolean
  readonly token?: string
}

/** Scripts, styles and pictures of the server itself; pictures that a page makes or was given. */
const contentSecurityPolicy = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'", 'data:', 'blob:'],
  fontSrc: ["'self'"],
  connectSrc: ["'self'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
}

/**
 * @param model what is served, where there is one
 * @param dashboard its routes, where there is one
 */
export function createApp(
  serving: Shared,
  model: ModelPlace | undefined,
  { loopback, token }: Access,
  dashboard?: Hono,
): OpenAPIHono {
  const app = new OpenAPIHono()
  app.use(async (context, next) => {
    const began = performance.now()
    serving.working.add(context)
    try {
      await next()
    } finally {
      serving.working.delete(context)
    }
    if (serving.stopping()) context.header('Connection', 'close')
    const route = known.has(context.req.path) ? context.req.path : 'other'
    serving.measures.answered(route, context.res.status, (performance.now() - began) / 1000)
  })
  app.use(secureHeaders({ contentSecurityPolicy, strictTransportSecurity: false }))
  if (loopback) app.use(onlyOwnNames)
  app.use(onlyOwnPages)
  if (token !== undefined) {
    const check = onlyWithToken(token)
    app.use(tokenFromAddress(token))
    app.use((context, next) => (context.req.path === '/healthz' ? next() : check(context, next)))
    app.openAPIRegistry.registerComponent('securitySchemes', 'token', { type: 'http', scheme: 'bearer' })
  }
  app.openAPIRegistry.register('Images', imagesBody)
  app.route('/', healthRoutes(serving))
  if (model)
    for (const routes of [predictRoute, explainRoute, modelRoute]) app.route('/', routes({ ...serving, model }))
  if (dashboard) app.route('/', dashboard)
  const document = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'Regraft', version, description: 'A trained image classifier.' },
    ...(token === undefined ? {} : { security: [{ token: [] }] }),
  })
  app.get('/openapi.json', context => context.json(document))
  const known = new Set([...Object.keys(document.paths ?? {}), '/openapi.json'])
  app.notFound(context => {
    const { path, method } = context.req
    const others = app.routes.filter(route => route.path === path && route.method !== 'ALL').map(route => route.method)
    const allowed = [...new Set(others)].join(', ')
    if (allowed === '') return context.json({ error: `there is no ${path}; see /openapi.json` }, 404)
    context.header('Allow', allowed)
    return context.json({ error: `${path} is asked by ${allowed}, not by ${method}; see /openapi.json` }, 405)
  })
  app.onError((error, context) => {
    if (error instanceof Refusal) {
      if (error.retryAfter !== undefined) context.header('Retry-After', String(error.retryAfter))
      return context.json({ error: error.message }, error.status)
    }
    if (error instanceof HTTPException) return context.json({ error: error.message }, error.status)
    if (context.req.raw.signal.aborted) return context.json({ error: 'the request was called off' }, 400)
    process.stderr.write(`${context.req.method} ${context.req.path}: ${error.stack ?? error}\n`)
    return context.json({ error: 'this is a defect in regraft; the server has printed it' }, 500)
  })
  return app
}
