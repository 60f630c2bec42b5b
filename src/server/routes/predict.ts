/** `POST /v1/predict`: what images show. */
import { createRoute } from '@hono/zod-openapi'
import { ImageTooLarge, UnreadableImage } from '../../inference/index.js'
import { thresholdOf } from '../../training/index.js'
import { imagesOf } from '../images.js'
import { Refusal } from '../refusal.js'
import { predictions, predictQuery } from '../schemas.js'
import type { ServedModel } from '../servedModel.js'
import { imagesRequest, named, refusals, routes, type Serving } from '../serving.js'

const route = createRoute({
  method: 'post',
  path: '/v1/predict',
  summary: 'Classify images',
  description:
    "Images that cannot be read have an 'error' in place of scores; where that is so of all of them, the request fails. Requests of the same moment share runs of the engine.",
  request: { query: predictQuery, body: imagesRequest },
  responses: {
    200: { description: 'What they show.', content: { 'application/json': { schema: predictions } } },
    ...refusals({
      400: 'The request is damaged.',
      409: 'The model does not hold what reject needs.',
      413: 'The body or an image is larger than is taken.',
      415: 'The body is no form and no JSON.',
      422: 'No image can be read.',
      503: 'There is too much to do; ask again after Retry-After seconds.',
    }),
  },
})

export function predictRoute({ model, limits, measures, admission }: Serving) {
  const app = routes()
  app.use(route.path, admission.middleware)
  app.openapi(route, async context => {
    const { top, reject, pass } = context.req.valid('query')
    const { current } = model
    const threshold = reject ? thresholdFor(current, pass / 100) : undefined
    const images = await imagesOf(context, limits)
    const signal = context.req.raw.signal
    const failures: UnreadableImage[] = []
    const found = await Promise.all(
      images.map(async ({ name, bytes }) => {
        try {
          const { scores, confidence } = await current.judge(bytes, { top, signal })
          measures.image('answered')
          const rejected = threshold === undefined ? {} : { rejected: confidence < threshold }
          return { name, scores: [...scores], ...rejected }
        } catch (error) {
          if (!(error instanceof UnreadableImage)) throw error
          measures.image('unreadable')
          failures.push(error)
          return { name, error: error.message }
        }
      }),
    )
    if (failures.length === images.length)
      throw new Refusal(failures.some(error => error instanceof ImageTooLarge) ? 413 : 422, failures[0]!.message)
    return context.json({ predictions: found, model: named(current) }, 200)
  })
  return app
}

function thresholdFor({ rejection }: ServedModel, share: number): number {
  if (!rejection)
    throw new Refusal(
      409,
      "the model does not hold how sure it was of its validation images, which 'reject' needs: it had none, or was trained by an earlier version",
    )
  return thresholdOf(rejection, share, 'the model')
}
