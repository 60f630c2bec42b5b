/** `GET /healthz`: whether the server takes requests; `GET /metrics`: what it measures of itself. */
import { createRoute, z } from '@hono/zod-openapi'
import { health } from '../schemas.js'
import { routes, type Shared } from '../serving.js'

const healthz = createRoute({
  method: 'get',
  path: '/healthz',
  summary: 'Whether the server takes requests',
  description: 'Needs no token.',
  security: [],
  responses: {
    200: { description: 'It does.', content: { 'application/json': { schema: health } } },
    503: { description: 'It is ending.', content: { 'application/json': { schema: health } } },
  },
})

const metrics = createRoute({
  method: 'get',
  path: '/metrics',
  summary: 'Measures for Prometheus',
  responses: {
    200: { description: 'In the text format.', content: { 'text/plain': { schema: z.string() } } },
  },
})

export function healthRoutes({ measures, stopping }: Shared) {
  const app = routes()
  app.openapi(healthz, context =>
    stopping() ? context.json({ status: 'stopping' as const }, 503) : context.json({ status: 'ok' as const }, 200),
  )
  app.openapi(metrics, async context =>
    context.text(await measures.text(), 200, { 'Content-Type': measures.contentType }),
  )
  return app
}
