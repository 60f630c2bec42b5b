/** `GET /v1/model`: what is served; `POST /v1/model`: the folder is read again, and what it holds takes the place of the old. */
import { createRoute } from '@hono/zod-openapi'
import { RegraftError } from '../../base/errors.js'
import { Refusal } from '../refusal.js'
import { model as schema } from '../schemas.js'
import type { ServedModel } from '../servedModel.js'
import { refusals, routes, type Serving } from '../serving.js'

const answer = { description: 'The model.', content: { 'application/json': { schema } } }

const get = createRoute({
  method: 'get',
  path: '/v1/model',
  summary: 'The model that is served',
  responses: { 200: answer },
})

const post = createRoute({
  method: 'post',
  path: '/v1/model',
  summary: 'Read the model again',
  description:
    'Reads the folder that the server was started with. Requests are answered by the old model until the new one is ready, and by the new one from then on; none is lost. Where the new one cannot be read, the old one stays. The body is ignored.',
  responses: { 200: answer, ...refusals({ 409: 'The folder holds no model that can be served.' }) },
})

const described = ({ network, classes, size, temperature, engine, loaded }: ServedModel) => ({
  network,
  classes: [...classes],
  size,
  temperature,
  engine,
  loaded: loaded.toISOString(),
})

export function modelRoute({ model }: Serving) {
  const app = routes()
  app.openapi(get, context => context.json(described(model.current), 200))
  app.openapi(post, async context => {
    try {
      return context.json(described(await model.reload()), 200)
    } catch (error) {
      if (error instanceof RegraftError) throw new Refusal(409, `the old model stays: ${error.message}`)
      throw error
    }
  })
  return app
}
